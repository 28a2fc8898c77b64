/** One message's answer to FETCH: what is kept beside it, and sections of its content. RFC 9051 §7.5.2. */
import {
  type FetchItem,
  findPart,
  ImapError,
  type Partial,
  printBodyStructure,
  printString,
  type Section,
  sectionOctets,
  type SectionOctets,
  selectFields,
} from '../../../formats/imap/mod.ts'
import {
  decodeTransfer,
  formatInternalDate,
  LISTED_FIELDS,
  type PackedPart,
  StructureScanner,
  transferEncoding,
} from '../../../formats/message/mod.ts'
import { emailId, type Selected, type StoredMessage, threadId } from '../../../mail/store/mod.ts'
import { sectionPieces, type SectionSource, sourceOf } from '../message-octets.ts'
import { fetchHead } from '../printing.ts'
import type { Session } from '../session.ts'
import { lightItem } from './fetch.ts'

/** A decoded part (BINARY) is made in memory: a larger one is refused. */
const BINARY_LIMIT = 64 * 1024 * 1024

export class MessageItems {
  readonly #session: Session
  readonly #selected: Selected
  readonly #seq: number
  readonly #message: StoredMessage
  /** undefined: not known, or not asked for. */
  readonly #savedMs: number | undefined
  #kept: SectionSource | undefined

  constructor(session: Session, selected: Selected, seq: number, message: StoredMessage, savedMs: number | undefined) {
    this.#session = session
    this.#selected = selected
    this.#seq = seq
    this.#message = message
    this.#savedMs = savedMs
  }

  async write(items: readonly FetchItem[]): Promise<void> {
    const { output } = this.#session
    for (const item of items) if (item.item === 'BINARY') this.#refuseBinary(item)
    output.put(fetchHead(this.#session, this.#selected, this.#seq))
    for (const [i, item] of items.entries()) {
      if (i > 0) output.put(' ')
      await this.#item(item)
    }
    output.put(')\r\n')
  }

  async #item(item: FetchItem): Promise<void> {
    const { output } = this.#session
    switch (item.item) {
      case 'ENVELOPE':
        output.put('ENVELOPE ')
        output.put(this.#message.envelope)
        break
      case 'BODYSTRUCTURE':
        output.put('BODYSTRUCTURE ')
        output.put(this.#message.bodyStructure)
        break
      case 'BODY':
        output.put('BODY ')
        output.put(this.#plainStructure())
        break
      case 'SECTION':
        output.put(`${item.label} `)
        await this.#octets(this.#listed(item.section) ?? sectionOctets(item.section, this.#source), item.partial)
        break
      case 'BINARY':
        await this.#binary(item)
        break
      case 'EMAILID':
        output.put(`EMAILID (${emailId(this.#message)})`)
        break
      case 'THREADID':
        output.put(`THREADID (${threadId(this.#message)})`)
        break
      case 'SAVEDATE':
        output.put(`SAVEDATE ${this.#savedMs === undefined ? 'NIL' : `"${formatInternalDate(this.#savedMs)}"`}`)
        break
      case 'PREVIEW':
        output.put('PREVIEW ')
        output.put(printString(this.#session.deps.store.preview(this.#message)))
        break
      case 'UID':
      case 'FLAGS':
      case 'MODSEQ':
      case 'RFC822.SIZE':
      case 'INTERNALDATE':
        output.put(lightItem(this.#session, this.#selected, this.#seq, item.item))
        break
      default:
        item satisfies never
    }
  }

  get #source(): SectionSource {
    return (this.#kept ??= sourceOf(this.#session.deps.store, this.#message))
  }

  /** Header fields that are all kept beside the message need no reading of its content. */
  #listed(section: Section): SectionOctets {
    const { listedFields } = this.#message
    if (section.text !== 'HEADER.FIELDS' || section.part.length > 0 || listedFields.length === 0) return undefined
    if (!section.fields.every((name) => LISTED_FIELDS.has(name.toLowerCase()))) return undefined
    return { octets: selectFields(listedFields, section) }
  }

  /** BODY is BODYSTRUCTURE without extension data: made anew from the content, for hardly a client asks. */
  #plainStructure(): Buffer {
    const scanner = new StructureScanner()
    const { prefix, sizeOctets } = this.#message
    for (let at = prefix.length; at < sizeOctets;) {
      const piece = this.#session.deps.store.read(this.#message, at, sizeOctets)
      if (piece.length === 0) break
      scanner.push(piece)
      at += piece.length
    }
    return printBodyStructure(scanner.end().root, false)
  }

  async #octets(section: SectionOctets, partial: Partial | undefined): Promise<void> {
    const { output } = this.#session
    const found = sectionPieces(this.#source, section, partial)
    if (found === undefined) {
      output.put('NIL')
      return
    }
    output.put(`{${found.length}}\r\n`)
    for (const piece of found.pieces) {
      output.put(piece)
      if (output.full) await output.flush()
      if (this.#session.signal.aborted) return
    }
  }

  async #binary(item: Extract<FetchItem, { item: 'BINARY' }>): Promise<void> {
    const { output } = this.#session
    const source = this.#source
    const part = findPart(source.root, item.part)
    if (part === undefined) {
      output.put(`${item.label} NIL`)
      return
    }
    const octets = await this.#decoded(part, item.part.length === 0)
    if (item.sizeOnly) {
      output.put(`${item.label} ${octets.length}`)
      return
    }
    const cut =
      item.partial === undefined ? octets : octets.subarray(item.partial.from, item.partial.from + item.partial.length)
    output.put(`${item.label} `)
    if (cut.includes(0)) {
      output.put(`~{${cut.length}}\r\n`)
      output.put(cut)
    } else output.put(printString(cut))
  }

  /** RFC 3516 §4.3: a transfer encoding that nobody knows is refused; before the line of the message is begun. */
  #refuseBinary({ part }: Extract<FetchItem, { item: 'BINARY' }>): void {
    const found = findPart(this.#source.root, part)
    if (found === undefined) return
    if (transferEncoding(found.encoding) === 'unknown')
      throw new ImapError('NO', 'Unknown transfer encoding', { code: 'UNKNOWN-CTE' })
    const [from, to] = this.#rangeOf(found, part.length === 0)
    if (to - from > BINARY_LIMIT) throw new ImapError('NO', 'Part is too large to decode', { code: 'LIMIT' })
  }

  #rangeOf(part: PackedPart, whole: boolean): [number, number] {
    const { prefixLength, sizeOctets } = this.#source
    return whole ? [0, sizeOctets] : [part.bodyFrom + prefixLength, part.bodyTo + prefixLength]
  }

  async #decoded(part: PackedPart, whole: boolean): Promise<Buffer> {
    const encoding = transferEncoding(part.encoding)
    const source = this.#source
    const [from, to] = this.#rangeOf(part, whole)
    const pieces: Buffer[] = []
    for (let at = from; at < to; at += pieces.at(-1)!.length) pieces.push(source.read(at, to))
    const body = Buffer.concat(pieces)
    return whole || part.children.length > 0 ? body : decodeTransfer(body, encoding)
  }
}
