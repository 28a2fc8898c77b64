/** Sessions that the postmaster may want to see: notify_classes protocol and data. Postfix: smtp_trouble.c. */
import type { SessionRecord } from '../../../formats/smtp/mod.ts'
import type { RecipientResult } from '../../queue/mod.ts'

type TroubleClass = 'protocol' | 'data'

/** What was said with a server that had trouble. */
export interface ClientTranscript {
  /** `host[address]` */
  readonly peer: string
  readonly lines: readonly string[]
  readonly classes: ReadonlySet<TroubleClass>
}

export type TellPostmaster = (transcript: ClientTranscript) => void

/** What a failure is to the postmaster; undefined for nothing: mail that is refused is its sender's business. */
export function troubleOf(result: RecipientResult): TroubleClass | undefined {
  if (result.status === 'sent') return undefined
  if (result.text.startsWith('local data error ')) return 'data'
  if (result.text.startsWith('protocol error ')) return 'protocol'
  if (result.remoteReply === undefined) return undefined
  const code = Number(result.remoteReply.slice(0, 3))
  const isSyntax = (code >= 500 && code < 510) || code === 555 // RFC 5321 §4.2.1: x0z is about the commands
  return isSyntax || code < 400 || code > 599 ? 'protocol' : undefined
}

/** The trouble of one session. */
export class Trouble {
  readonly #classes = new Set<TroubleClass>()

  note(result: RecipientResult): void {
    const found = troubleOf(result)
    if (found !== undefined) this.#classes.add(found)
  }

  /** Passes on what was said, where there was trouble; it is forgotten either way. */
  tell(peer: string, record: SessionRecord | undefined, tellPostmaster: TellPostmaster | undefined): void {
    const classes = new Set(this.#classes)
    this.#classes.clear()
    const lines = record?.take() ?? []
    if (classes.size > 0 && lines.length > 0) tellPostmaster?.({ peer, lines, classes })
  }
}
