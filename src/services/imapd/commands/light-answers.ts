/**
 * Answers that the view alone gives, for whole mailboxes at a time: FETCH of numbers and flags, and STORE's. They are written as octets
 * at once, for hundreds of thousands of short strings are mostly work for the collector of garbage.
 */
import { formatInternalDate } from '../../../formats/message/mod.ts'
import type { Selected } from '../../../mail/store/mod.ts'
import { fetchHead, flagsOf } from '../printing.ts'
import type { Session } from '../session.ts'

const LIGHT_ITEMS = ['UID', 'FLAGS', 'MODSEQ', 'RFC822.SIZE', 'INTERNALDATE'] as const
/** An item that the view alone answers. */
export type LightItem = (typeof LIGHT_ITEMS)[number]

export const isLight = (item: string): item is LightItem => LIGHT_ITEMS.some((light) => light === item)

/** Messages answered in one turn of the event loop. */
const BATCH = 4096

/** What stands in the view alone. */
export function lightItem(session: Session, mailbox: Selected, seq: number, item: LightItem): string {
  switch (item) {
    case 'UID':
      return `UID ${mailbox.uidAt(seq)}`
    case 'FLAGS':
      return `FLAGS (${flagsOf(session, mailbox, seq).join(' ')})`
    case 'MODSEQ':
      return `MODSEQ (${mailbox.modSeqAt(seq)})`
    case 'RFC822.SIZE':
      return `RFC822.SIZE ${mailbox.sizeAt(seq)}`
    case 'INTERNALDATE':
      return `INTERNALDATE "${formatInternalDate(mailbox.internalDateMsAt(seq))}"`
    default:
      return item satisfies never
  }
}

/** Answers these items of all these messages. @param items a function is asked in the moment in which a message is answered */
export async function answerLight(
  session: Session,
  seqs: readonly number[],
  items: readonly LightItem[] | ((seq: number) => readonly LightItem[]),
): Promise<void> {
  const { output } = session
  const line = lightLine(session, typeof items === 'function' ? items : () => items)
  const lines = new AsciiLines()
  for (let from = 0; from < seqs.length; from += BATCH) {
    for (let i = from; i < Math.min(seqs.length, from + BATCH); i++) {
      line(lines, seqs[i]!)
      if (lines.full) output.put(lines.take())
    }
    output.put(lines.take())
    await output.flush()
    if (session.signal.aborted) return
    if (from + BATCH < seqs.length) await new Promise(setImmediate)
  }
}

function lightLine(
  session: Session,
  itemsOf: (seq: number) => readonly LightItem[],
): (lines: AsciiLines, seq: number) => void {
  const { mailbox, uidOnly } = session
  // One flag list is the same array for all messages that have these flags: its text is made once.
  const texts = new Map<readonly string[], string>()
  const flagsText = (seq: number): string => {
    const flags = mailbox.flagsAt(seq)
    let text = texts.get(flags)
    if (text === undefined) texts.set(flags, (text = lightItem(session, mailbox, seq, 'FLAGS')))
    return text
  }
  return (lines, seq) => {
    if (uidOnly) lines.text(fetchHead(session, mailbox, seq))
    else {
      lines.text('* ')
      lines.number(seq)
      lines.text(' FETCH (')
    }
    const items = itemsOf(seq)
    for (let i = 0; i < items.length; i++) {
      const item = items[i]!
      if (i > 0) lines.text(' ')
      if (item === 'FLAGS') lines.text(flagsText(seq))
      else if (item === 'UID') {
        lines.text('UID ')
        lines.number(mailbox.uidAt(seq))
      } else if (item === 'RFC822.SIZE') {
        lines.text('RFC822.SIZE ')
        lines.number(mailbox.sizeAt(seq))
      } else lines.text(lightItem(session, mailbox, seq, item))
    }
    lines.text(')\r\n')
  }
}

/** Gathered octets are handed on from this size on. */
const PIECE = 60 * 1024
const CAPACITY = 64 * 1024

/** Text of ASCII, written as octets. */
class AsciiLines {
  #octets = Buffer.allocUnsafe(CAPACITY)
  #at = 0

  get full(): boolean {
    return this.#at >= PIECE
  }

  take(): Buffer {
    const taken = this.#octets.subarray(0, this.#at)
    this.#octets = Buffer.allocUnsafe(CAPACITY)
    this.#at = 0
    return taken
  }

  text(text: string): void {
    if (text.length > this.#octets.length - this.#at) this.#grow(text.length)
    const octets = this.#octets
    let at = this.#at
    for (let i = 0; i < text.length; i++) octets[at++] = text.charCodeAt(i)
    this.#at = at
  }

  /** A number below 2^32. */
  number(n: number): void {
    if (10 > this.#octets.length - this.#at) this.#grow(10)
    let digits = 1
    for (let power = 10; power <= n; power *= 10) digits++
    const octets = this.#octets
    const end = this.#at + digits
    let rest = n
    for (let at = end - 1; at >= this.#at; at--) {
      const tenth = Math.trunc(rest / 10)
      octets[at] = 0x30 + (rest - tenth * 10)
      rest = tenth
    }
    this.#at = end
  }

  #grow(octets: number): void {
    const larger = Buffer.allocUnsafe(this.#octets.length * 2 + octets)
    larger.set(this.#octets.subarray(0, this.#at))
    this.#octets = larger
  }
}
