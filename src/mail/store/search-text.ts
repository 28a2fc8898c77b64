/** A message's text for SEARCH: header fields and text parts, decoded and folded, each read only when asked for. */
import {
  decodeCharset,
  decodeParts,
  decodeTransfer,
  decodeWords,
  fieldValue,
  foldForSearch,
  headerFields,
  type HeaderField,
  LISTED_FIELDS,
  type PackedPart,
  parseDate,
  stripHtml,
  transferEncoding,
} from '../../formats/message/mod.ts'
import type { StoredMessage } from './contract.ts'
import type { FuzzyKey, FuzzyTexts } from './fuzzy.ts'

export type ReadContent = (message: StoredMessage, from: number, to: number) => Buffer

/** Octets of a part that are decoded at once; longer ones in pieces that end with a line. */
const PIECE = 1_048_576

const LF = 0x0a
const EMPTY = Buffer.alloc(0)
const NOT_BASE64 = /[^A-Za-z0-9+/]/g

export class MessageText implements FuzzyTexts {
  readonly message: StoredMessage
  readonly #read: ReadContent
  #fields: readonly HeaderField[] | undefined
  #listed: readonly HeaderField[] | undefined
  #root: PackedPart | undefined
  /** What was found out already, by key and text. */
  readonly #known = new Map<string, boolean>()

  constructor(message: StoredMessage, read: ReadContent) {
    this.message = message
    this.#read = read
  }

  /** Days since 1970 of the Date field's calendar date; NaN without one. */
  get sentDay(): number {
    const date = this.#named('date')[0]
    return date === undefined ? Number.NaN : (parseDate(fieldValue(date))?.day ?? Number.NaN)
  }

  /** The first field of that name, in lower case, unfolded; empty without one. */
  value(field: string): string {
    const first = this.#named(field)[0]
    return first === undefined ? '' : fieldValue(first)
  }

  /** @param field in lower case @param wanted folded; empty: the field is there */
  headerHas(field: string, wanted: string): boolean {
    return this.#named(field).some((one) => foldForSearch(decodeWords(fieldValue(one))).includes(wanted))
  }

  /** The text parts, those of messages within the message and their headers. Other types are not text. */
  bodyHas(wanted: string): boolean {
    return this.#known.get(`BODY ${wanted}`) ?? finish(this.#search('BODY', wanted))
  }

  /** Header, MIME header fields and body. */
  has(wanted: string): boolean {
    return this.#known.get(`TEXT ${wanted}`) ?? finish(this.#search('TEXT', wanted))
  }

  /** Finds out beforehand, with pauses between the pieces of a large message. */
  async prepare(key: 'BODY' | 'TEXT', wanted: string, pause: () => Promise<void> | undefined): Promise<void> {
    const search = this.#search(key, wanted)
    let step = search.next()
    for (; step.done !== true; step = search.next()) await pause()
    this.#known.set(`${key} ${wanted}`, step.value)
  }

  /** The subject first, which is worth most, then other fields, then text. */
  *fuzzyTexts(key: FuzzyKey): Generator<{ text: string; weight: number }> {
    const folded = (fields: readonly HeaderField[]): string =>
      fields.map((field) => foldForSearch(decodeWords(fieldValue(field)))).join('\n')
    if (key.key === 'HEADER') {
      yield { text: folded(this.#named(key.field)), weight: 1 }
      return
    }
    if (key.key === 'TEXT') {
      yield { text: folded(this.#named('subject')), weight: 1 }
      yield { text: folded(this.#allFields), weight: 0.8 }
    }
    yield* this.#fuzzyParts(this.#parts)
  }

  *#fuzzyParts(part: PackedPart): Generator<{ text: string; weight: number }> {
    for (const child of part.children) yield* this.#fuzzyParts(child)
    if (part.children.length > 0 || !isText(part)) return
    for (const octets of this.#decodedPieces(part)) {
      const text = decodeCharset(octets, part.charset)
      yield { text: foldForSearch(part.contentType === 'text/html' ? stripHtml(text) : text), weight: 0.6 }
    }
  }

  *#search(key: 'BODY' | 'TEXT', wanted: string): Search {
    if (key === 'TEXT' && fieldsHave(this.#allFields, wanted)) return true
    return yield* this.#partHas(this.#parts, wanted, key === 'TEXT')
  }

  /** The fields of one name; those in front of the content, as delivery put them there, first. */
  #named(field: string): HeaderField[] {
    if (LISTED_FIELDS.has(field) && this.message.listedFields.length > 0) {
      this.#listed ??= headerFields(Buffer.concat([this.message.prefix, this.message.listedFields]))
      return this.#listed.filter(({ name }) => name === field)
    }
    return this.#allFields.filter(({ name }) => name === field)
  }

  get #allFields(): readonly HeaderField[] {
    const { prefix } = this.message
    this.#fields ??= headerFields(Buffer.concat([prefix, this.#slice(0, this.#parts.bodyFrom)]))
    return this.#fields
  }

  get #parts(): PackedPart {
    this.#root ??= decodeParts(this.message.parts)
    return this.#root
  }

  *#partHas(part: PackedPart, wanted: string, mime: boolean): Search {
    if (part.children.length === 0) return isText(part) && (yield* this.#textHas(part, wanted))
    const within = part.contentType === 'message/rfc822' || part.contentType === 'message/global'
    for (const child of part.children) {
      // The header of a message within is body to the one around it; that of a part is a MIME header.
      if ((within || mime) && fieldsHave(headerFields(this.#slice(child.headerFrom, child.bodyFrom)), wanted))
        return true
      if (yield* this.#partHas(child, wanted, mime)) return true
    }
    return false
  }

  /** Piece by piece; the end of each is looked at together with the next. */
  *#textHas(part: PackedPart, wanted: string): Search {
    const html = part.contentType === 'text/html'
    const sought = html ? collapsed(wanted) : wanted
    let kept = ''
    for (const octets of this.#decodedPieces(part)) {
      const text = decodeCharset(octets, part.charset)
      const folded = html ? collapsed(kept + foldForSearch(stripHtml(text))) : kept + foldForSearch(text)
      if (folded.includes(sought)) return true
      kept = folded.slice(-sought.length)
      yield
    }
    return false
  }

  /** Ends with a line each, so that no character of any charset is cut in two; a line beyond any size with one of UTF-8. */
  *#decodedPieces(part: PackedPart): Generator<Buffer> {
    const encoding = transferEncoding(part.encoding)
    let line = EMPTY // decoded, not yet whole
    let group = EMPTY // base64, not yet a group of four
    for (const octets of this.#pieces(part)) {
      let whole = octets
      if (encoding === 'base64') {
        const letters = Buffer.from(`${group.toString('latin1')}${octets.toString('latin1')}`.replace(NOT_BASE64, ''))
        const groups = letters.length - (letters.length % 4)
        whole = letters.subarray(0, groups)
        group = letters.subarray(groups)
      }
      const decoded = Buffer.concat([line, decodeTransfer(whole, encoding)])
      const end = decoded.length < PIECE / 2 ? 0 : decoded.lastIndexOf(LF) + 1 || characterEnd(decoded)
      if (end > 0) yield decoded.subarray(0, end)
      line = decoded.subarray(end)
    }
    const rest = Buffer.concat([line, decodeTransfer(group, encoding)])
    if (rest.length > 0) yield rest
  }

  *#pieces(part: PackedPart): Generator<Buffer> {
    for (let at = part.bodyFrom; at < part.bodyTo;) {
      const octets = this.#slice(at, Math.min(at + PIECE, part.bodyTo))
      if (octets.length === 0) return
      const line = at + octets.length < part.bodyTo ? octets.lastIndexOf(LF) + 1 : 0
      const end = line > 0 ? line : octets.length
      yield octets.subarray(0, end)
      at += end
    }
  }

  /** Octets of the content, offsets as the MIME tree has them: without the prefix. */
  #slice(from: number, to: number): Buffer {
    const ahead = this.message.prefix.length
    const first = this.#read(this.message, ahead + from, ahead + to)
    if (first.length >= to - from) return first
    const pieces = [first]
    for (let at = from + first.length; at < to;) {
      const piece = this.#read(this.message, ahead + at, ahead + to)
      if (piece.length === 0) break
      pieces.push(piece)
      at += piece.length
    }
    return Buffer.concat(pieces)
  }
}

/** Yields between pieces, ends with the answer. */
type Search = Generator<void, boolean>

function finish(search: Search): boolean {
  let step = search.next()
  while (step.done !== true) step = search.next()
  return step.value
}

/** A field's name and value as a reader sees them. */
function fieldsHave(fields: readonly HeaderField[], wanted: string): boolean {
  return fields.some((field) => foldForSearch(`${field.name}: ${decodeWords(fieldValue(field))}`).includes(wanted))
}

/** Where the last whole UTF-8 character ends. */
function characterEnd(octets: Buffer): number {
  let lead = octets.length - 1
  while (lead > octets.length - 4 && ((octets[lead] ?? 0) & 0xc0) === 0x80) lead--
  return ((octets[lead] ?? 0) & 0xc0) === 0xc0 ? lead : octets.length
}

function isText(part: PackedPart): boolean {
  return part.contentType.startsWith('text/') || part.contentType.startsWith('message/')
}

function collapsed(text: string): string {
  return text.replace(/\s+/g, ' ')
}
