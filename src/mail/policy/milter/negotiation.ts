/** What a milter made of the options that it was offered. */
import { listFrom, type MacroLists, type Stage, STAGES } from './macros.ts'
import { DataCursor } from './packets.ts'
import { ALL_ACTIONS, type Offer, unknownTo } from './protocol.ts'

export interface Agreement {
  /** What the filter does not want, or does not answer. */
  readonly events: number
  /** What its version of the protocol does not know. */
  readonly unknownEvents: number
  /** Macro lists that it asked for. */
  readonly lists: Partial<MacroLists>
  readonly warnings: readonly string[]
}

export const NOTHING_AGREED: Agreement = { events: 0, unknownEvents: 0, lists: {}, warnings: [] }

/** A text: why there can be no agreement. Throws PacketError. @param data of the filter's answer */
export function agreementOf(offer: Offer, data: Buffer): Agreement | string {
  const cursor = new DataCursor(data)
  const [version, actions, events] = [cursor.takeLong(), cursor.takeLong(), cursor.takeLong()]
  if (version > offer.version) return `protocol version ${version} conflict with MTA protocol version ${offer.version}`
  if ((actions & ~ALL_ACTIONS) !== 0) {
    const [theirs, ours] = [actions, ALL_ACTIONS].map((mask) => `0x${mask.toString(16)}`)
    return `request mask ${theirs} conflict with MTA request mask ${ours}`
  }
  const older = version < offer.version ? unknownTo(version) : 0
  const warnings = older === undefined ? [`unexpected protocol version ${version}`] : []
  const unknownEvents = offer.unknownEvents | (older ?? 0)
  return { events, unknownEvents, lists: ownLists(cursor, warnings), warnings }
}

/** A stage that it says nothing of keeps main.cf's list. */
function ownLists(cursor: DataCursor, warnings: string[]): Partial<MacroLists> {
  const lists: { -readonly [S in Stage]?: readonly string[] } = {}
  while (cursor.left > 0) {
    const [number, names] = [cursor.takeLong(), listFrom(cursor.takeString())]
    const stage = STAGES[number]
    if (stage === undefined) warnings.push(`ignoring unknown macro type ${number}`)
    else if (names.length > 0) lists[stage] = names
  }
  return lists
}
