/** One message of an mbox: what UW-IMAP and others noted in its header, and the message without that. */
import { toCrlf } from './line-ends.ts'

/** How the writer kept lines that begin with `From ` apart. `mboxo`: Postfix, procmail, UW; `mboxrd`: qmail and others. */
export type Quoting = 'mboxo' | 'mboxrd' | 'none'

/** X-IMAP of the pseudo-message, or X-IMAPbase of the first message. */
export interface MboxBase {
  readonly uidValidity: number
  readonly lastUid: number
  readonly keywords: readonly string[]
}

export interface MboxText {
  /** In wire form. */
  readonly message: Buffer
  readonly flags: readonly string[]
  readonly uid: number | undefined
  /** qpopper's. */
  readonly uidl: string | undefined
}

const LF = 0x0a
/** Header fields that programs keep in the mbox for themselves, lower case. */
const NOTES = /^(status|x-status|x-keywords|x-uid|x-imap|x-imapbase):/i
const PSEUDO_SUBJECT = /^subject:[ \t]*DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA[ \t]*\r?$/im
const PSEUDO_LIMIT = 4096

/** The message that UW-IMAP and Dovecot put first to keep their numbers in. */
export function isInternalData(text: Buffer): boolean {
  const head = text.toString('latin1', 0, Math.min(PSEUDO_LIMIT, headerEnd(text)))
  return PSEUDO_SUBJECT.test(head) && /^x-imap(?:base)?:/im.test(head)
}

/** Of the first message, real or not. */
export function mboxBase(text: Buffer): MboxBase | undefined {
  const field = notesOf(text).findLast(({ name }) => name === 'x-imap' || name === 'x-imapbase')
  const [, uidValidity, lastUid, words = ''] = /^([0-9]{1,10}) +([0-9]{1,10})(.*)$/s.exec(field?.value ?? '') ?? []
  if (uidValidity === undefined) return undefined
  const keywords = words.split(/\s+/).filter((word) => word !== '')
  return { uidValidity: Number(uidValidity), lastUid: Number(lastUid), keywords }
}

/** @param text from behind the From_ line to the next one */
export function mboxText(text: Buffer, quoting: Quoting): MboxText {
  const notes = notesOf(text)
  const valueOf = (name: string): string => notes.findLast((note) => note.name === name)?.value ?? ''
  const uid = /^[0-9]{1,10}$/.exec(valueOf('x-uid'))?.[0]
  const kept: Buffer[] = []
  let from = 0
  for (const { start, end } of notes) {
    kept.push(text.subarray(from, start))
    from = end
  }
  kept.push(text.subarray(from))
  const message = withoutLastBlank(kept.length === 1 ? text : Buffer.concat(kept))
  return {
    message: toCrlf(unquoted(message, quoting)),
    flags: flagsOf(valueOf('status') + valueOf('x-status'), valueOf('x-keywords')),
    uid: uid === undefined ? undefined : Number(uid),
    uidl: uidlOf(text),
  }
}

interface Note {
  readonly name: string
  /** Unfolded, without white space around. */
  readonly value: string
  readonly start: number
  readonly end: number
}

function notesOf(text: Buffer): Note[] {
  const end = headerEnd(text)
  const notes: Note[] = []
  for (let at = 0; at < end;) {
    const next = fieldEnd(text, at, end)
    const name = NOTES.exec(text.toString('latin1', at, Math.min(next, at + 16)))?.[1]?.toLowerCase()
    if (name !== undefined) {
      const value = text.toString('latin1', at + name.length + 1, next)
      notes.push({ name, value: value.replaceAll(/\r?\n[ \t]+/g, ' ').trim(), start: at, end: next })
    }
    at = next
  }
  return notes
}

/** Behind the field that begins at `at`, its folded lines with it. */
function fieldEnd(text: Buffer, at: number, limit: number): number {
  let next = at
  do {
    const lf = text.indexOf(LF, next)
    next = lf < 0 || lf >= limit ? limit : lf + 1
  } while (next < limit && (text[next] === 0x20 || text[next] === 0x09))
  return next
}

/** Where the empty line stands that ends the header section; all of the text where there is none. */
function headerEnd(text: Buffer): number {
  if (text[0] === LF || (text[0] === 0x0d && text[1] === LF)) return 0
  const lf = text.indexOf('\n\n')
  const crlf = text.indexOf('\n\r\n')
  const ends = [lf, crlf].filter((at) => at >= 0).map((at) => at + 1)
  return ends.length === 0 ? text.length : Math.min(...ends)
}

const LETTERS: Readonly<Record<string, string>> = {
  R: '\\Seen',
  A: '\\Answered',
  F: '\\Flagged',
  D: '\\Deleted',
  T: '\\Draft',
}

function flagsOf(letters: string, keywords: string): string[] {
  const system = [...new Set(letters)].flatMap((letter) => LETTERS[letter] ?? [])
  return [...system, ...keywords.split(/\s+/).filter((word) => word !== '' && !word.startsWith('\\'))]
}

/** `X-UIDL:` as qpopper writes it: RFC 1939 §7 allows up to 70 printable characters. */
function uidlOf(text: Buffer): string | undefined {
  const head = text.toString('latin1', 0, headerEnd(text))
  return /^x-uidl:[ \t]*([\x21-\x7e]{1,70})[ \t]*\r?$/im.exec(head)?.[1]
}

/** The empty line before the next From_ line is the mbox's. */
function withoutLastBlank(text: Buffer): Buffer {
  if (text.at(-1) !== LF) return text
  const cr = text.at(-2) === 0x0d ? 1 : 0
  return text.at(-2 - cr) === LF || text.length === 1 + cr ? text.subarray(0, -1 - cr) : text
}

const QUOTED = Buffer.from('>From ')

function unquoted(text: Buffer, quoting: Quoting): Buffer {
  if (quoting === 'none' || text.indexOf(QUOTED) < 0) return text
  const parts: Buffer[] = []
  let from = 0
  for (let at = text.indexOf(QUOTED); at >= 0; at = text.indexOf(QUOTED, at + 1)) {
    let start = at
    if (quoting === 'mboxrd') while (start > 0 && text[start - 1] === 0x3e) start--
    if (start > 0 && text[start - 1] !== LF) continue
    parts.push(text.subarray(from, start))
    from = start + 1
  }
  parts.push(text.subarray(from))
  return Buffer.concat(parts)
}
