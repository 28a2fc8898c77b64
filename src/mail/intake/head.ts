/**
 * The header section on its way through intake: fields counted, dropped, completed. Postfix: cleanup_message.c.
 * Pure: octets in, octets and findings out.
 */
import { fromValue } from './full-name.ts'

/** A header section is held until it is whole; beyond this, what follows is passed on as body. */
export const HEAD_LIMIT = 1024 * 1024

export interface HeadSettings {
  readonly header_size_limit: number
  readonly message_drop_headers: readonly string[]
}

/** One field as it stands in the message: `name` in lower case, `raw` with its continuation lines and last CRLF. */
export interface Field {
  readonly name: string
  readonly raw: Buffer
  /** Where `raw` is cut: as it came. */
  readonly whole?: Buffer
}

export interface Head {
  readonly fields: readonly Field[]
  /** Where the body begins in the octets given; the blank line before it is not part of either. */
  readonly bodyAt: number
  /** A blank line stood between; false where a line that is no field began the body. */
  readonly separated: boolean
}

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const CRLF = Buffer.from('\r\n')

/** The length of a field's name at `at`, 0 where the line is no field. Blanks before the colon are let pass (RFC 5322 §4.5). */
function nameLength(buf: Buffer, at: number, end: number): number {
  let i = at
  while (i < end && buf[i]! > 0x20 && buf[i]! < 0x7f && buf[i] !== COLON) i++
  const length = i - at
  while (i < end && (buf[i] === 0x20 || buf[i] === 0x09)) i++
  return length > 0 && i < end && buf[i] === COLON ? length : 0
}

/** Where the header section ends in `buf`, or -1 while that cannot be told yet. */
export function headEnd(buf: Buffer): number {
  if (buf.length >= 2 && buf[0] === CR && buf[1] === LF) return 0
  const blank = buf.indexOf('\r\n\r\n')
  return blank < 0 ? -1 : blank + 2
}

/** So many octets of mbox lines are looked at. */
const MAILBOX_LINES_LIMIT = 2048

/** Lines of mbox files on top of a message become fields, as in Postfix. */
export function withMailboxLines(seen: Buffer): Buffer {
  const first = seen[0]
  if (first !== 0x46 && first !== 0x3e) return seen // F, >
  const lines = /^(?:>*From [^\n]*\n)+/.exec(seen.toString('latin1', 0, MAILBOX_LINES_LIMIT))?.[0]
  if (lines === undefined) return seen
  return Buffer.concat([
    Buffer.from(lines.replace(/^(?=.)/gm, 'X-Mailbox-Line: '), 'latin1'),
    seen.subarray(lines.length),
  ])
}

/**
 * Cuts a header section into fields.
 * @param buf from the message's first octet; need not hold the body
 */
export function readHead(buf: Buffer, settings: HeadSettings): Head {
  const fields: Field[] = []
  let at = 0
  while (at < buf.length) {
    let lineEnd = endOfLine(buf, at)
    if (lineEnd - at === 2 && buf[at] === CR) return { fields, bodyAt: lineEnd, separated: true }
    const length = nameLength(buf, at, lineEnd)
    if (length === 0) return { fields, bodyAt: at, separated: false }
    const start = at
    while (lineEnd < buf.length && (buf[lineEnd] === 0x20 || buf[lineEnd] === 0x09)) lineEnd = endOfLine(buf, lineEnd)
    fields.push(fieldOf(buf.subarray(start, lineEnd), length, settings))
    at = lineEnd
  }
  return { fields, bodyAt: at, separated: false }
}

/** Just behind the line's CRLF, or the end of the octets. */
function endOfLine(buf: Buffer, at: number): number {
  const lf = buf.indexOf(LF, at)
  return lf < 0 ? buf.length : lf + 1
}

function fieldOf(octets: Buffer, length: number, { header_size_limit }: HeadSettings): Field {
  const name = octets.toString('latin1', 0, length).toLowerCase()
  // Postfix: `name :` becomes `name:`.
  const whole =
    octets[length] === COLON
      ? octets
      : Buffer.concat([octets.subarray(0, length), octets.subarray(octets.indexOf(COLON))])
  return whole.length <= header_size_limit
    ? { name, raw: whole }
    : { name, raw: cutField(whole, header_size_limit), whole }
}

/** postconf(5) header_size_limit: lines that go beyond it are dropped; the first one is cut. */
export function cutField(raw: Buffer, limit: number): Buffer {
  let octets = 0 // with one octet for each line's end
  for (let at = 0; at < raw.length;) {
    const end = endOfLine(raw, at)
    const text = end - at - (raw[end - 1] !== LF ? 0 : raw[end - 2] === CR ? 2 : 1)
    if (octets + text > limit) return at > 0 ? raw.subarray(0, at) : Buffer.concat([raw.subarray(0, limit), CRLF])
    octets += text + 1
    at = end
  }
  return raw
}

/** A field's value without name, folding and outer blanks. */
export function valueOf(field: Field): string {
  return field.raw
    .subarray(field.raw.indexOf(COLON) + 1)
    .toString('utf8')
    .replace(/\r?\n(?=[ \t])/g, '')
    .trim()
}

export interface Completion {
  /** Mail of this host gets what it lacks; other mail is left as it came. */
  readonly addMissing: boolean
  readonly sender: string
  /** The sender's name; `''` for none. */
  readonly fullName: string
  /** header_from_format: `obsolete` is `address (name)`. */
  readonly fromFormat: 'standard' | 'obsolete'
  /** full_name_encoding_charset */
  readonly charset: string
  readonly queueId: string
  readonly hostname: string
  readonly date: string
  /** `20261124123255`, UTC: queue ids may come again, with this they do not. */
  readonly stamp: string
  readonly undisclosedRecipientsHeader: string
}

const RECIPIENT_FIELDS = new Set(['to', 'cc', 'resent-to', 'resent-cc'])

/** Fields that a message of this host lacks, as lines. Postfix: cleanup_header_done_callback. */
export function missingFields(fields: readonly Field[], c: Completion): string[] {
  const has = new Set(fields.map((field) => field.name))
  const lines: string[] = []
  if (c.addMissing) {
    const resent = [...has].some((name) => name.startsWith('resent-')) ? 'Resent-' : ''
    const lacks = (name: string): boolean => !has.has((resent + name).toLowerCase())
    if (lacks('Message-Id')) lines.push(`${resent}Message-Id: <${c.stamp}.${c.queueId}@${c.hostname}>`)
    if (lacks('Date')) lines.push(`${resent}Date: ${c.date}`)
    const named = c.sender !== ''
    const address = named ? c.sender : 'MAILER-DAEMON'
    const from = { address, fullName: named ? c.fullName : '', format: c.fromFormat, charset: c.charset }
    if (lacks('From')) lines.push(`${resent}From: ${fromValue(from)}`)
  }
  if (c.addMissing && c.undisclosedRecipientsHeader !== '' && ![...RECIPIENT_FIELDS].some((name) => has.has(name))) {
    lines.push(c.undisclosedRecipientsHeader)
  }
  return lines
}
