/**
 * The structure of a message in one pass: octets are pushed in any cuts, none of the body is kept. Never throws; what
 * is broken gets a sensible tree, and the same one for ever. RFC 2046 §5.1.
 */
import { isAscii } from 'node:buffer'
import { headerFields, type HeaderField } from './header.ts'
import { countLineEnds, headerEnd, lineAt } from './lines.ts'
import { parameter } from './parameters.ts'
import { type Part, partOf } from './part.ts'

/** Parts deeper than this are not looked into. */
export const DEPTH_LIMIT = 100
/** Parts after this many are the body of the last. */
export const PARTS_LIMIT = 10_000
/** A header section longer than this ends there, to the octet. */
export const HEADER_LIMIT = 1024 * 1024
/** RFC 2046 §5.1.1 allows 70; generators in the wild use more. */
const BOUNDARY_LIMIT = 1000
/** A line that may be a boundary: dashes, boundary, dashes, blanks. A longer one is none. */
const BOUNDARY_LINE_LIMIT = BOUNDARY_LIMIT + 1000

/** Octets that a header section gets at first. */
const HEADER_ROOM = 2048

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d
const EMPTY = Buffer.alloc(0)

export interface Structure {
  readonly root: Part
  /** All fields of the message's own header. */
  readonly fields: readonly HeaderField[]
  readonly sizeOctets: number
  /** Some header section, the message's own or that of a part, is not ASCII. */
  readonly rawHeaders: boolean
}

interface Open {
  readonly part: Part
  /** With its two dashes in front; undefined where no part can follow. */
  readonly delimiter: Buffer | undefined
  /** Line ends counted before the body began. */
  readonly linesBefore: number
  /** The closing delimiter was seen: what follows is epilogue. */
  closed: boolean
}

export class StructureScanner {
  #carry: Buffer = EMPTY
  /** Offset in the message of the first octet that is not dealt with. */
  #at = 0
  #mode: 'header' | 'body' = 'header'
  #headerFrom = 0
  /** The header section so far, with room behind it: octets that come one by one must not become a view each. */
  #header: Buffer = EMPTY
  #headerOctets = 0
  #parts = 0
  #rawHeaders = false
  #stack: Open[] = []
  #root: Part | undefined
  #fields: readonly HeaderField[] = []
  #lines = 0
  #lineStart = true
  /** The two octets before #at, for the line end that belongs to a boundary. */
  #last = 0
  #beforeLast = 0

  push(chunk: Buffer): void {
    const buf = this.#carry.length === 0 ? chunk : Buffer.concat([this.#carry, chunk])
    const used = this.#scan(buf, false)
    this.#carry = used < buf.length ? buf.subarray(used) : EMPTY
  }

  end(): Structure {
    const buf = this.#carry
    this.#carry = EMPTY
    const used = this.#scan(buf, true)
    if (used < buf.length) this.#skip(buf, used, buf.length)
    if (this.#mode === 'header') this.#endHeader(this.#at)
    while (this.#stack.length > 0) this.#close(this.#at, false)
    const root = this.#root ?? this.#newPart([], 0)
    return { root, fields: this.#fields, sizeOctets: this.#at, rawHeaders: this.#rawHeaders }
  }

  /** Deals with as much of `buf` as can be told; answers how many octets that was. */
  #scan(buf: Buffer, final: boolean): number {
    let i = 0
    while (i < buf.length) {
      const next = this.#mode === 'header' ? this.#headerLine(buf, i, final) : this.#body(buf, i, final)
      if (next === i) break
      i = next
    }
    return i
  }

  /**
   * A line of a header section, or as much of one as there is; `i` again where it cannot be told yet whether the line is
   * a boundary or blank. A long line is passed on in pieces, so that one octet at a time costs no more than all at once.
   */
  #headerLine(buf: Buffer, i: number, final: boolean): number {
    let blank = false
    if (this.#lineStart) {
      const whole = this.#wholeHeader(buf, i)
      if (whole > i) return whole
      if (this.#stack.length > 0 && this.#mayBeBoundary(buf, i, final)) {
        const line = lineAt(buf, i)
        if (line === undefined && !final && buf.length - i <= BOUNDARY_LINE_LIMIT) return i
        const to = line ?? buf.length
        if (to - i <= BOUNDARY_LINE_LIMIT && this.#boundary(buf, i, to)) return to
      }
      if (buf[i] === CR && i + 1 === buf.length && !final) return i
      blank = buf[i] === LF || (buf[i] === CR && buf[i + 1] === LF)
    }
    // The section ends at its limit to the octet, wherever the stream is cut.
    const end = Math.min(lineAt(buf, i) ?? buf.length, i + HEADER_LIMIT - this.#headerOctets)
    this.#keepHeader(buf, i, end)
    this.#skip(buf, i, end)
    if (blank || this.#headerOctets >= HEADER_LIMIT) this.#endHeader(this.#at)
    return end
  }

  /** The message's own header section where all of it is in `buf`: answers where it ends, else `i`. */
  #wholeHeader(buf: Buffer, i: number): number {
    if (this.#headerOctets > 0 || this.#stack.length > 0 || buf[i] === CR || buf[i] === LF) return i
    const end = headerEnd(buf, i)
    if (end < 0 || end - i > HEADER_LIMIT) return i
    this.#header = buf.subarray(i, end)
    this.#headerOctets = end - i
    this.#skip(buf, i, end)
    this.#endHeader(this.#at)
    return end
  }

  #keepHeader(buf: Buffer, from: number, to: number): void {
    const needed = this.#headerOctets + to - from
    if (needed > this.#header.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * needed, HEADER_ROOM))
      this.#header.copy(larger, 0, 0, this.#headerOctets)
      this.#header = larger
    }
    buf.copy(this.#header, this.#headerOctets, from, to)
    this.#headerOctets = needed
  }

  /** Begins with two dashes, or may when more has come. */
  #mayBeBoundary(buf: Buffer, i: number, final: boolean): boolean {
    return buf[i] === DASH && (buf[i + 1] === DASH || (i + 1 === buf.length && !final))
  }

  /** The body up to the next line that may be a boundary. */
  #body(buf: Buffer, i: number, final: boolean): number {
    if (this.#stack.every((open) => open.delimiter === undefined)) {
      this.#skip(buf, i, buf.length)
      return buf.length
    }
    if (this.#lineStart && buf[i] === DASH) {
      const line = lineAt(buf, i)
      if (line === undefined && !final && buf.length - i <= BOUNDARY_LINE_LIMIT) return i
      const end = line ?? buf.length
      if (end - i > BOUNDARY_LINE_LIMIT || !this.#boundary(buf, i, end)) this.#skip(buf, i, end)
      return end
    }
    const dashes = buf.indexOf('\n--', i)
    if (dashes >= 0) {
      this.#skip(buf, i, dashes + 1)
      return dashes + 1
    }
    // The chunk may end within "\n--": these octets wait for the next.
    const keep = final
      ? 0
      : buf[buf.length - 1] === LF
        ? 1
        : buf[buf.length - 1] === DASH && buf[buf.length - 2] === LF
          ? 2
          : 0
    const end = Math.max(i, buf.length - keep)
    this.#skip(buf, i, end)
    return end
  }

  /** Passes octets by: counts lines where somebody asks for them, and remembers the last two. */
  #skip(buf: Buffer, from: number, to: number): void {
    if (to <= from) return
    this.#lines += countLineEnds(buf, from, to)
    this.#beforeLast = to - from > 1 ? buf[to - 2]! : this.#last
    this.#last = buf[to - 1]!
    this.#lineStart = this.#last === LF
    this.#at += to - from
  }

  /** Is this line a delimiter of an open multipart? Then everything inside it ends, and perhaps a part begins. */
  #boundary(buf: Buffer, from: number, to: number): boolean {
    if (buf[from] !== DASH || buf[from + 1] !== DASH) return false
    for (let depth = this.#stack.length - 1; depth >= 0; depth--) {
      const open = this.#stack[depth]!
      const kind = open.closed ? 0 : delimiterKind(buf, from, to, open.delimiter)
      if (kind === 0) continue
      if (this.#mode === 'header') this.#endHeader(this.#at)
      while (this.#stack.length > depth + 1) this.#close(this.#at, true)
      this.#skip(buf, from, to)
      if (kind === 2) open.closed = true
      else if (this.#parts >= PARTS_LIMIT) open.closed = true
      else this.#beginHeader()
      return true
    }
    return false
  }

  #beginHeader(): void {
    this.#mode = 'header'
    this.#headerFrom = this.#at
    this.#header = EMPTY
    this.#headerOctets = 0
  }

  #newPart(fields: readonly HeaderField[], bodyFrom: number): Part {
    const parent = this.#stack.at(-1)?.part
    const isMessage = parent === undefined || parent.type === 'message'
    const inDigest = parent?.type === 'multipart' && parent.subtype === 'digest'
    return partOf(fields, { headerFrom: this.#headerFrom, bodyFrom, isMessage, inDigest })
  }

  #endHeader(bodyFrom: number): void {
    const header = this.#header.subarray(0, this.#headerOctets)
    this.#header = EMPTY
    if (!isAscii(header)) this.#rawHeaders = true
    const fields = headerFields(header)
    const part = this.#newPart(fields, bodyFrom)
    this.#parts++
    if (this.#root === undefined) {
      this.#root = part
      this.#fields = fields
    } else this.#stack.at(-1)?.part.children.push(part)
    this.#mode = 'body'
    const deep = this.#stack.length >= DEPTH_LIMIT
    const delimiter = deep || part.type !== 'multipart' ? undefined : delimiterOf(part)
    // A multipart without a boundary has no parts that could be found: it reads as the text that it is.
    if (part.type === 'multipart' && delimiter === undefined) [part.type, part.subtype] = ['text', 'plain']
    this.#stack.push({ part, delimiter, linesBefore: this.#lines, closed: false })
    if (isEmbeddedMessage(part) && !deep && this.#parts < PARTS_LIMIT) this.#beginHeader()
  }

  /** The innermost open part ends at `at`; the line end before a boundary is the boundary's. */
  #close(at: number, byBoundary: boolean): void {
    const open = this.#stack.pop()
    if (open === undefined) return
    const { part } = open
    const lineEnd = !byBoundary || this.#last !== LF || at === part.bodyFrom ? 0 : this.#beforeLast === CR ? 2 : 1
    part.bodyTo = Math.max(part.bodyFrom, at - lineEnd)
    part.lines = Math.max(0, this.#lines - open.linesBefore - (lineEnd > 0 ? 1 : 0))
    if (part.type === 'multipart' && part.children.length === 0) part.children.push(emptyText(part.bodyTo))
    // A message that cannot be looked into is octets to a reader: RFC 9051's message form needs what is inside.
    if (isMessageType(part) && part.children.length === 0) [part.type, part.subtype] = ['application', 'octet-stream']
  }
}

function isMessageType(part: Part): boolean {
  return part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global')
}

/** Only an embedded message as it is can be looked into. */
function isEmbeddedMessage(part: Part): boolean {
  return isMessageType(part) && /^(7bit|8bit|binary)$/.test(part.encoding)
}

function emptyText(at: number): Part {
  return { ...partOf([], { headerFrom: at, bodyFrom: at, isMessage: false, inDigest: false }), bodyTo: at }
}

function delimiterOf(part: Part): Buffer | undefined {
  const boundary = parameter(part.parameters, 'boundary')?.trimEnd()
  if (boundary === undefined || boundary === '' || boundary.length > BOUNDARY_LIMIT) return undefined
  return Buffer.from(`--${boundary}`)
}

/** 1: a delimiter, 2: a closing one, 0: neither. Only blanks may follow, so that a boundary may begin like another. */
function delimiterKind(buf: Buffer, from: number, to: number, delimiter: Buffer | undefined): 0 | 1 | 2 {
  if (delimiter === undefined || to - from < delimiter.length) return 0
  if (buf.compare(delimiter, 0, delimiter.length, from, from + delimiter.length) !== 0) return 0
  let i = from + delimiter.length
  const closing = buf[i] === DASH && buf[i + 1] === DASH
  if (closing) i += 2
  for (; i < to; i++) if (buf[i] !== 0x20 && buf[i] !== 0x09 && buf[i] !== CR && buf[i] !== LF) return 0
  return closing ? 2 : 1
}
