/** What a milter's answer to an event decides. */
import type { FilterVerdict } from '../../intake/mod.ts'
import { COMMAND_REJECTED, SHUTDOWN, UNAVAILABLE } from './default-action.ts'
import { type Packet, PacketError } from './packets.ts'
import { type EventLetter, EVENTS, replyName } from './protocol.ts'
import { replyOf } from './reply-code.ts'

export type Decision =
  /** Nothing yet. `hold`: the message is to be held, whatever comes. */
  | { readonly kind: 'wait' | 'hold' }
  /** `skip`: no more events of this kind. */
  | { readonly kind: 'continue' | 'skip' | 'accept' | 'discard' }
  /** ends: of the whole session, not only of this step. */
  | { readonly kind: 'refuse'; readonly verdict: FilterVerdict; readonly ends: boolean }
  /** A reply that SMTP does not have. */
  | { readonly kind: 'malformed'; readonly text: string }

const BARE: ReadonlyMap<string, Decision> = new Map<string, Decision>([
  ['p', { kind: 'wait' }],
  ['c', { kind: 'continue' }],
  ['s', { kind: 'skip' }],
  ['a', { kind: 'accept' }],
  ['d', { kind: 'discard' }],
  ['r', { kind: 'refuse', verdict: COMMAND_REJECTED, ends: false }],
  ['t', { kind: 'refuse', verdict: UNAVAILABLE, ends: false }],
  ['4', { kind: 'refuse', verdict: SHUTDOWN, ends: true }],
])

/** Throws PacketError for what is no answer to this event. */
export function decisionOf({ letter, data }: Packet, event: EventLetter): Decision {
  const bare = BARE.get(letter)
  if (bare !== undefined && data.length === 0) return bare
  if (bare !== undefined) throw new PacketError(`reply ${replyName(letter)} was followed by ${data.length} data bytes`)
  if (letter === 'q') return { kind: 'hold' }
  if (letter !== 'y')
    throw new PacketError(`unexpected filter response ${replyName(letter)} after event ${EVENTS[event]}`)
  const reply = replyOf(data)
  if (reply === undefined) return { kind: 'malformed', text: data.toString('utf8').replace(/\0.*/s, '') }
  return { kind: 'refuse', verdict: { action: 'reject', reply }, ends: false }
}
