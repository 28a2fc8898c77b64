/** One message's answer to FETCH: what is kept beside it, and sections of its content. RFC 9051 §7.5.2. */
import {
  fieldSelector,
  type FetchItem,
  findPart,
  ImapError,
  type Partial,
  printBodyStructure,
  printString,
  type Section,
  sectionOctets,
  type SectionOctets,
} from '../../../formats/imap/mod.ts'
import {
  decodeTransfer,
  formatInternalDate,
  LISTED_FIELDS,
  type PackedPart,
  StructureScanner,
  transferEncoding,
} from '../../../formats/message/mod.ts'
import { emailId, type MessageColumn, type Selected, type StoredMessage, threadId } from '../../../mail/store/mod.ts'
import { sectionPieces, type SectionSource, sourceOf } from '../message-octets.ts'
import { fetchHead } from '../printing.ts'
import type { Session } from '../session.ts'
import { lightItem } from './light-answers.ts'

const isListed = (section: Section): boolean =>
  section.text === 'HEADER.FIELDS' &&
  section.part.length === 0 &&
  section.fields.every((name) => LISTED_FIELDS.has(name.toLowerCase()))

/** A section of so many octets is put out at once; a larger one as the client takes it. */
const AT_ONCE = 64 * 1024
/** A decoded part (BINARY) is made in memory: a larger one is refused. */
const BINARY_LIMIT = 64 * 1024 * 1024

/** The answers of one command, message by message. */
export class FetchAnswers {
  readonly #session: Session
  readonly #mailbox: Selected
  readonly #items: readonly FetchItem[]
  /** By section: header fields that are all kept beside the message need no reading of its content. */
  readonly #selectors = new Map<Section, (header: Buffer) => Buffer>()
  #seq = 0
  #message!: StoredMessage
  /** undefined: not known, or not asked for. */
  #savedMs: number | undefined
  #kept: SectionSource | undefined

  constructor(session: Session, mailbox: Selected, items: readonly FetchItem[]) {
    this.#session = session
    this.#mailbox = mailbox
    this.#items = items
    for (const item of items)
      if (item.item === 'SECTION' && isListed(item.section))
        this.#selectors.set(item.section, fieldSelector(item.section))
  }

  /** What of a message's row the items need. */
  get columns(): MessageColumn[] {
    return [...new Set(this.#items.flatMap((item) => this.#columnsOf(item)))]
  }

  #columnsOf(item: FetchItem): readonly MessageColumn[] {
    switch (item.item) {
      case 'ENVELOPE':
        return ['envelope']
      case 'BODYSTRUCTURE':
        return ['bodyStructure']
      case 'SECTION':
        if (this.#selectors.has(item.section)) return ['listedFields']
        return item.section.part.length === 0 && item.section.text === undefined ? ['content'] : ['content', 'parts']
      case 'BODY':
      case 'BINARY':
      case 'PREVIEW':
        return ['content', 'parts']
      case 'EMAILID':
      case 'THREADID':
        return ['ids']
      case 'UID':
      case 'FLAGS':
      case 'MODSEQ':
      case 'RFC822.SIZE':
      case 'INTERNALDATE':
      case 'SAVEDATE':
        return []
      default:
        return item satisfies never
    }
  }

  /** Resolves when the client took it; undefined where it need not be waited for. */
  write(
    seq: number,
    message: StoredMessage,
    savedMs: number | undefined,
    withFlags: boolean,
  ): Promise<void> | undefined {
    this.#seq = seq
    this.#message = message
    this.#savedMs = savedMs
    this.#kept = undefined
    this.#session.output.put(fetchHead(this.#session, this.#mailbox, seq))
    return this.#from(0, withFlags)
  }

  #from(first: number, withFlags: boolean): Promise<void> | undefined {
    const { output } = this.#session
    for (let i = first; i < this.#items.length; i++) {
      if (i > 0) output.put(' ')
      const wait = this.#item(this.#items[i]!)
      if (wait !== undefined) return wait.then(() => this.#from(i + 1, withFlags))
    }
    if (withFlags) output.put(` ${lightItem(this.#session, this.#mailbox, this.#seq, 'FLAGS')}`)
    output.put(')\r\n')
    return undefined
  }

  #item(item: FetchItem): Promise<void> | undefined {
    const { output } = this.#session
    switch (item.item) {
      case 'ENVELOPE':
        output.put('ENVELOPE ')
        output.put(this.#message.envelope)
        return undefined
      case 'BODYSTRUCTURE':
        output.put('BODYSTRUCTURE ')
        output.put(this.#message.bodyStructure)
        return undefined
      case 'BODY':
        output.put('BODY ')
        output.put(this.#plainStructure())
        return undefined
      case 'SECTION':
        output.put(`${item.label} `)
        return this.#section(item.section, item.partial)
      case 'BINARY':
        return this.#binary(item)
      case 'EMAILID':
        output.put(`EMAILID (${emailId(this.#message)})`)
        return undefined
      case 'THREADID':
        output.put(`THREADID (${threadId(this.#message)})`)
        return undefined
      case 'SAVEDATE':
        output.put(`SAVEDATE ${this.#savedMs === undefined ? 'NIL' : `"${formatInternalDate(this.#savedMs)}"`}`)
        return undefined
      case 'PREVIEW':
        output.put('PREVIEW ')
        output.put(printString(this.#session.deps.store.preview(this.#message)))
        return undefined
      case 'UID':
      case 'FLAGS':
      case 'MODSEQ':
      case 'RFC822.SIZE':
      case 'INTERNALDATE':
        output.put(lightItem(this.#session, this.#mailbox, this.#seq, item.item))
        return undefined
      default:
        return item satisfies never
    }
  }

  get #source(): SectionSource {
    return (this.#kept ??= sourceOf(this.#session.deps.store, this.#message))
  }

  #section(section: Section, partial: Partial | undefined): Promise<void> | undefined {
    const select = this.#selectors.get(section)
    const { listedFields } = select === undefined ? {} : this.#message
    if (select === undefined || listedFields === undefined || listedFields.length === 0)
      return this.#octets(sectionOctets(section, this.#source), partial)
    const octets = select(listedFields)
    const { output } = this.#session
    const cut = partial === undefined ? octets : octets.subarray(partial.from, partial.from + partial.length)
    output.put(`{${cut.length}}\r\n`)
    output.put(cut)
    return undefined
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

  #octets(section: SectionOctets, partial: Partial | undefined): Promise<void> | undefined {
    const { output } = this.#session
    const found = sectionPieces(this.#source, section, partial)
    if (found === undefined) {
      output.put('NIL')
      return undefined
    }
    output.put(`{${found.length}}\r\n`)
    if (found.length > AT_ONCE) return this.#pieces(found.pieces)
    for (const piece of found.pieces) output.put(piece)
    return undefined
  }

  async #pieces(pieces: Iterable<Buffer>): Promise<void> {
    const { output } = this.#session
    for (const piece of pieces) {
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

  /** RFC 3516 §4.3: a transfer encoding that nobody knows is refused. */
  async #decoded(part: PackedPart, whole: boolean): Promise<Buffer> {
    const encoding = transferEncoding(part.encoding)
    if (encoding === 'unknown') throw new ImapError('NO', 'Unknown transfer encoding', { code: 'UNKNOWN-CTE' })
    const source = this.#source
    const from = whole ? 0 : part.bodyFrom + source.prefixLength
    const to = whole ? source.sizeOctets : part.bodyTo + source.prefixLength
    if (to - from > BINARY_LIMIT) throw new ImapError('NO', 'Part is too large to decode', { code: 'LIMIT' })
    const pieces: Buffer[] = []
    for (let at = from; at < to; at += pieces.at(-1)!.length) pieces.push(source.read(at, to))
    const body = Buffer.concat(pieces)
    return whole || part.children.length > 0 ? body : decodeTransfer(body, encoding)
  }
}
