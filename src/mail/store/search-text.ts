/** A message's text for SEARCH: header fields and text parts, decoded and folded, each read only when asked for. */
import {
  type Collation,
  decodeCharset,
  decodeParts,
  decodeWords,
  fieldValue,
  foldForSearch,
  headerFields,
  type HeaderField,
  LISTED_FIELDS,
  octetReading,
  type PackedPart,
  parseDate,
  stripHtml,
} from '../../formats/message/mod.ts'
import type { ContentOf, SearchedMessage } from './contract.ts'
import type { FuzzyKey, FuzzyTexts } from './fuzzy.ts'
import { decodedPieces } from './search-pieces.ts'
import { type IndexedText, SEARCHED_FIELDS } from './search-signature.ts'

/** A text that is looked for, in the form of its collation. */
export interface Sought {
  readonly key: 'HEADER' | 'BODY' | 'TEXT'
  readonly wanted: string
  /** As it was given: where octets are compared. */
  readonly text: string
  readonly collation: Collation
  /** A text that it matches has what is wanted; one that it does not match may have it all the same. */
  readonly quick: RegExp | undefined
}

export type ReadContent = (message: ContentOf, from: number, to: number) => Buffer

export class MessageText implements FuzzyTexts {
  readonly message: SearchedMessage
  readonly #read: ReadContent
  #fields: readonly HeaderField[] | undefined
  #listed: readonly HeaderField[] | undefined
  #root: PackedPart | undefined
  /** What was found out already, by key and text. */
  readonly #known = new Map<string, boolean>()

  constructor(message: SearchedMessage, read: ReadContent) {
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

  /** @param field in lower case; a wanted text that is empty: the field is there */
  headerHas(field: string, { wanted, collation }: Sought): boolean {
    return this.#named(field).some((one) => collation.form(decodeWords(fieldValue(one))).includes(wanted))
  }

  /**
   * BODY: the text parts, those of messages within the message and their headers; other types are not text.
   * TEXT: header, MIME header fields and body.
   */
  has(sought: Sought): boolean {
    return this.#known.get(knownAs(sought)) ?? finish(this.#search(sought))
  }

  /** Finds out beforehand, with pauses between the pieces of a large message. */
  async prepare(sought: Sought, pause: () => Promise<void> | undefined): Promise<void> {
    const search = this.#search(sought)
    let step = search.next()
    for (; step.done !== true; step = search.next()) await pause()
    this.#known.set(knownAs(sought), step.value)
  }

  /**
   * All that SEARCH may find: what the index is made of. Of a message with more letters of text, or of header, than `limit` the
   * rest is not read.
   */
  *indexedTexts(limit: number): Generator<IndexedText> {
    const left = { header: limit, text: limit }
    for (const field of this.#allFields) {
      const text = decodeWords(fieldValue(field))
      yield counted(left, { part: 'header', text: `${writtenName(field)}: ${text}` })
      if (SEARCHED_FIELDS.has(field.name)) yield { part: 'field', name: field.name, text }
    }
    yield* this.#indexedParts(this.#parts, left)
  }

  *#indexedParts(part: PackedPart, left: Left): Generator<IndexedText> {
    if (part.children.length === 0 && isText(part) && left.text >= 0) {
      let continues = false
      const readings: string[] = []
      for (const octets of this.#decodedPieces(part)) {
        const decoded = decodeCharset(octets, part.charset)
        const reading = octetReading(octets, part.charset, decoded)
        if (reading !== undefined) readings.push(reading)
        const text = part.contentType === 'text/html' ? stripHtml(decoded) : decoded
        yield counted(left, { part: 'text', text, continues })
        if (left.text < 0) break
        continues = true
      }
      for (const text of readings) yield counted(left, { part: 'text', text })
    }
    const where = isMessage(part) ? 'text' : 'header'
    for (const child of part.children) {
      const fields = left[where] < 0 ? [] : headerFields(this.#slice(child.headerFrom, child.bodyFrom))
      for (const field of fields)
        yield counted(left, { part: where, text: `${writtenName(field)}: ${decodeWords(fieldValue(field))}` })
      yield* this.#indexedParts(child, left)
    }
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
    for (const octets of this.#decodedPieces(part)) yield { text: foldForSearch(readText(part, octets)), weight: 0.6 }
  }

  *#search(sought: Sought): Search {
    if (yield* this.#partHas(this.#parts, sought)) return true // most of what is found is found there
    return sought.key === 'TEXT' && fieldsHave(this.#allFields, sought)
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

  *#partHas(part: PackedPart, sought: Sought): Search {
    if (part.children.length === 0) return isText(part) && (yield* this.#textHas(part, sought))
    for (const child of part.children) {
      // The header of a message within is body to the one around it; that of a part is a MIME header.
      if (
        (isMessage(part) || sought.key === 'TEXT') &&
        fieldsHave(headerFields(this.#slice(child.headerFrom, child.bodyFrom)), sought)
      )
        return true
      if (yield* this.#partHas(child, sought)) return true
    }
    return false
  }

  /** Piece by piece; the end of each is looked at together with the next. */
  *#textHas(part: PackedPart, { wanted, text, collation, quick }: Sought): Search {
    const html = part.contentType === 'text/html'
    const isCollapsed = html && /\s/.test(wanted)
    const sought = isCollapsed ? collapsed(wanted) : wanted
    let kept = ''
    for (const octets of this.#decodedPieces(part)) {
      const decoded = decodeCharset(octets, part.charset)
      if (octetReading(octets, part.charset, decoded)?.includes(text) === true) return true
      const read = html ? stripHtml(decoded) : decoded
      if (quick?.test(read) === true) return true
      const form = kept + collation.form(read)
      const looked = isCollapsed ? collapsed(form) : form
      if (looked.includes(sought)) return true
      kept = looked.slice(-sought.length)
      yield
    }
    return false
  }

  #decodedPieces(part: PackedPart): Generator<Buffer> {
    return decodedPieces(part, (from, to) => this.#slice(from, to))
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

/** Letters that may still come; below zero: there were too many. */
interface Left {
  header: number
  text: number
}

function counted(left: Left, indexed: IndexedText & { readonly part: keyof Left }): IndexedText {
  left[indexed.part] -= indexed.text.length
  return indexed
}

/** Yields between pieces, ends with the answer. */
type Search = Generator<void, boolean>

function finish(search: Search): boolean {
  let step = search.next()
  while (step.done !== true) step = search.next()
  return step.value
}

const knownAs = ({ key, wanted, collation }: Sought): string => `${key} ${collation.name} ${wanted}`

/** A field's name and value as a reader sees them. */
function fieldsHave(fields: readonly HeaderField[], { wanted, collation }: Sought): boolean {
  return fields.some((field) =>
    collation.form(`${writtenName(field)}: ${decodeWords(fieldValue(field))}`).includes(wanted),
  )
}

function writtenName({ name, raw }: HeaderField): string {
  return raw.toString('latin1', 0, name.length) // in ASCII, and before it stands nothing
}

/** What a reader sees of some octets of a text part. */
function readText({ contentType, charset }: PackedPart, octets: Buffer): string {
  const text = decodeCharset(octets, charset)
  return contentType === 'text/html' ? stripHtml(text) : text
}

function isMessage({ contentType }: PackedPart): boolean {
  return contentType === 'message/rfc822' || contentType === 'message/global'
}

function isText(part: PackedPart): boolean {
  return part.contentType.startsWith('text/') || part.contentType.startsWith('message/')
}

function collapsed(text: string): string {
  return text.replace(/\s+/g, ' ')
}
