/**
 * One message on its way through its checks: field by field, then body line by body line, as octets pass by. Nothing is
 * kept but the field or line at hand. Without MIME parts and body checks, the body passes unread.
 */
import { QuotedPrintableEncoder } from '../../../formats/message/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import { TableError } from '../../../io/tables/mod.ts'
import { cutField, type Field } from '../head.ts'
import { decide } from './actions.ts'
import type { CheckKind, CheckReport, ContentChecks, Decision, MessageEffect, Place } from './contract.ts'
import { boundedText, fieldName, FieldText, keyOf, linesOf, MIME_FIELDS, toWire, withoutBlank } from './field-text.ts'
import { MIME_ERRORS, MimeScanner } from './mime-scanner.ts'
import { lineIn, mayBoundary, Output, type Piece } from './pieces.ts'
import { logged, LOGGED_MIME_OCTETS, NO_LOOKUP, replyOf } from './refusals.ts'

const CR = 0x0d
const LF = 0x0a
const EMPTY = Buffer.alloc(0)
const CRLF = Buffer.from('\r\n')

export class ContentFilter {
  readonly effects: MessageEffect[] = []
  readonly #checks: ContentChecks
  readonly #report: CheckReport
  readonly #mime: MimeScanner
  readonly #encoder = new QuotedPrintableEncoder()
  #encodedRest: Buffer = EMPTY
  #checking = true
  #refusal: Reply | undefined
  /** What has come of a line that is not whole yet. */
  #held: Buffer = EMPTY
  #atLineStart = true
  /** The field at hand of a part's header section. */
  #field: FieldText | undefined
  /** Octets of the body segment that have passed; body_checks_size_limit. */
  #bodyOctets = 0

  constructor(checks: ContentChecks, report: CheckReport) {
    this.#checks = checks
    this.#report = report
    this.#mime = new MimeScanner(checks, (error, content) =>
      report.mimeError(MIME_ERRORS[error], logged(content, LOGGED_MIME_OCTETS)),
    )
  }

  /** Why the message is not taken: what was told first. */
  get refusal(): Reply | undefined {
    const { error } = this.#mime
    if (error !== undefined) this.#refusal ??= replyOf('5.6.0', MIME_ERRORS[error])
    return this.#refusal
  }

  /** A field of the message's own header section: what stands in its place. */
  async field(field: Field): Promise<readonly Field[]> {
    const { header_size_limit, line_length_limit } = this.#checks
    const { raw, whole } = field
    const text = whole === undefined ? linesOf(raw) : boundedText(whole, header_size_limit, line_length_limit)
    this.#mime.field(field.name, text.toString('latin1'))
    if (this.#saysEncoding(field.name)) return []
    const kind = MIME_FIELDS.has(field.name) ? 'mime' : 'header'
    const value = await this.#lookUp(kind, text)
    if (value === undefined) return [field]
    const { line, prepend } = this.#act(value, kind, text)
    const before = prepend === undefined ? [] : [{ name: '', raw: this.#fieldOut(Buffer.from(prepend)) }]
    if (line === 'drop') return before
    if (line === undefined) return [...before, field]
    const replaced = Buffer.from(line.replace)
    return [...before, { name: fieldName(replaced), raw: this.#fieldOut(replaced) }]
  }

  #fieldOut(text: Buffer): Buffer {
    return cutField(toWire(text), this.#checks.header_size_limit)
  }

  /** The message's own header section is over: what is to be added to it. @param separated by an empty line */
  async endHead(separated: boolean): Promise<Buffer> {
    const added = await this.#encodingField('header')
    this.#mime.endHeader(separated)
    this.#bodyOctets = separated ? 0 : 1
    return added
  }

  /** A field that says how an 8-bit part is encoded: another one comes at the end of the section (Postfix's order). */
  #saysEncoding(name: string): boolean {
    return name === 'content-transfer-encoding' && this.#encoding !== undefined
  }

  /** What the part at hand is to be called; undefined: it stays as it is. */
  get #encoding(): '7bit' | 'quoted-printable' | undefined {
    return this.#checks.to7bit ? this.#mime.encodingFor7bit : undefined
  }

  async #encodingField(kind: CheckKind): Promise<Buffer> {
    const encoding = this.#encoding
    return encoding === undefined ? EMPTY : this.#checked(kind, Buffer.from(`Content-Transfer-Encoding: ${encoding}`))
  }

  /** Octets behind the header section, in any cuts: what goes on of them. */
  body(chunk: Buffer): Buffer | Promise<Buffer> {
    return this.#passesUnread ? chunk : this.#read(chunk, false)
  }

  /** What was still held. */
  end(): Buffer | Promise<Buffer> {
    return this.#held.length === 0 && this.#field === undefined ? EMPTY : this.#read(EMPTY, true)
  }

  get #passesUnread(): boolean {
    return this.#mime.section === 'body' && !this.#mime.hasBoundaries && !this.#readsLines && this.#held.length === 0
  }

  /** Whether each line of the body is of interest. */
  get #readsLines(): boolean {
    if (this.#checks.strict.body8bit || this.#encoding !== undefined) return true
    const { lists, body_checks_size_limit } = this.#checks
    return this.#checking && lists.body !== undefined && this.#inLimit(body_checks_size_limit)
  }

  #inLimit(limit: number): boolean {
    return limit === 0 || this.#bodyOctets < limit
  }

  async #read(chunk: Buffer, last: boolean): Promise<Buffer> {
    const data = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = EMPTY
    const out = new Output(data)
    let at = 0
    while (at < data.length) {
      at = this.#skip(data, at, last)
      const piece = at < data.length ? this.#cut(data, at, last) : undefined
      if (piece === undefined) break
      out.keepTo(at)
      const done = this.#mime.section === 'body' ? this.#bodyPiece(piece) : await this.#headerPiece(piece)
      const result = done instanceof Promise ? await done : done
      at += piece.raw.length
      this.#atLineStart = !piece.continues
      if (result === piece.raw) out.keepTo(at)
      else out.put(result, at)
    }
    out.keepTo(at)
    this.#held = Buffer.from(data.subarray(at)) // a copy: the chunk is not held for a few octets
    if (last && this.#mime.section !== 'body') out.pieces.push(await this.#flushField(), await this.#endPart())
    return out.all()
  }

  /** Where the next line of interest may begin; between here and there nothing is looked at. */
  #skip(data: Buffer, at: number, last: boolean): number {
    if (this.#mime.section !== 'body' || this.#readsLines) return at
    if (!this.#mime.hasBoundaries) return data.length
    if (this.#atLineStart && mayBoundary(data, at)) return at
    const found = data.indexOf('\n--', at)
    if (found >= 0) {
      this.#atLineStart = true
      return found + 1
    }
    const lf = data.lastIndexOf(LF)
    const tail = lf >= at && !last && data.length - lf <= 2 && mayBoundary(data, lf + 1)
    this.#atLineStart = tail || (data.at(-1) === LF && data.length > at)
    return tail ? lf + 1 : data.length
  }

  /** The line at `at`, or line_length_limit octets of it; undefined while that cannot be told. */
  #cut(data: Buffer, at: number, last: boolean): Piece | undefined {
    const limit = this.#checks.line_length_limit
    const lf = data.indexOf(LF, at)
    if (lf < 0 && !last && data.length - at < limit + CRLF.length) return undefined
    const end = lf < 0 ? data.length : lf + 1
    const textEnd = lf < 0 ? end : lf > at && data[lf - 1] === CR ? lf - 1 : lf
    const continues = textEnd - at > limit
    const stop = continues ? at + limit : end
    return {
      text: data.subarray(at, continues ? stop : textEnd),
      raw: data.subarray(at, stop),
      continues,
      atLineStart: this.#atLineStart,
    }
  }

  /** A line of a header section inside the body. What comes out of it may come out with a later line. */
  async #headerPiece(piece: Piece): Promise<Buffer> {
    const { text, atLineStart } = piece
    if (this.#field !== undefined && (!atLineStart || text[0] === 0x20 || text[0] === 0x09)) {
      this.#field.add(text, !atLineStart)
      return EMPTY
    }
    const before = await this.#flushField()
    const name = fieldName(text)
    if (name !== '') {
      this.#field = new FieldText(this.#checks.header_size_limit)
      this.#field.add(withoutBlank(text, name.length), false)
      return before
    }
    const blank = text.length === 0
    const added = await this.#endPart()
    this.#mime.endHeader(blank)
    if (this.#mime.section === 'body') this.#bodyOctets = 0
    const rest = this.#mime.section === 'body' ? await this.#bodyPiece(piece) : piece.raw
    return Buffer.concat([before, added, rest])
  }

  #endPart(): Promise<Buffer> {
    return this.#encodingField(this.#mime.section === 'multipart' ? 'mime' : 'nested')
  }

  async #flushField(): Promise<Buffer> {
    if (this.#field === undefined) return EMPTY
    const { text } = this.#field
    this.#field = undefined
    const name = fieldName(text)
    this.#mime.field(name, text.toString('latin1'))
    if (this.#saysEncoding(name)) return EMPTY
    return this.#checked(MIME_FIELDS.has(name) || this.#mime.section === 'multipart' ? 'mime' : 'nested', text)
  }

  async #checked(kind: CheckKind, text: Buffer): Promise<Buffer> {
    const value = await this.#lookUp(kind, text)
    if (value === undefined) return this.#fieldOut(text)
    const { line, prepend } = this.#act(value, kind, text)
    return Buffer.concat([
      prepend === undefined ? EMPTY : this.#fieldOut(Buffer.from(prepend)),
      line === 'drop' ? EMPTY : this.#fieldOut(line === undefined ? text : Buffer.from(line.replace)),
    ])
  }

  /** A line of the body: itself, or what stands in its place. */
  #bodyPiece(piece: Piece): Buffer | Promise<Buffer> {
    if (this.#mime.bodyLine(piece.text, piece.atLineStart)) this.#bodyOctets = 0
    return this.#encoding === undefined ? this.#checkedPiece(piece) : this.#encoded(piece)
  }

  #encoded({ text, continues }: Piece): Buffer | Promise<Buffer> {
    const lines = this.#encoder.push(text, !continues)
    return this.#checks.lists.body === undefined ? lines : this.#checkedLines(lines)
  }

  /** Lines that are whole by now; what is not waits for the rest of it. */
  async #checkedLines(octets: Buffer): Promise<Buffer> {
    const encoded = this.#encodedRest.length === 0 ? octets : Buffer.concat([this.#encodedRest, octets])
    const out: Buffer[] = []
    let at = 0
    for (let end = encoded.indexOf(CRLF); end >= 0; end = encoded.indexOf(CRLF, at)) {
      const done = this.#checkedPiece(lineIn(encoded, at, end))
      out.push(done instanceof Promise ? await done : done)
      at = end + CRLF.length
    }
    this.#encodedRest = encoded.subarray(at)
    return out.length === 1 ? out[0]! : Buffer.concat(out)
  }

  #checkedPiece(piece: Piece): Buffer | Promise<Buffer> {
    const { text } = piece
    const checked = this.#inLimit(this.#checks.body_checks_size_limit)
    this.#bodyOctets += text.length + 1
    const value = checked ? this.#lookUp('body', text) : undefined
    if (value === undefined) return piece.raw
    return value instanceof Promise ? value.then((v) => this.#bodyResult(piece, v)) : this.#bodyResult(piece, value)
  }

  #bodyResult({ text, raw, continues }: Piece, value: string | undefined): Buffer {
    if (value === undefined) return raw
    const { line, prepend } = this.#act(value, 'body', text)
    if (line === undefined && prepend === undefined) return raw
    const own =
      line === 'drop'
        ? EMPTY
        : line === undefined
          ? raw
          : Buffer.concat([Buffer.from(line.replace), continues ? EMPTY : CRLF])
    return prepend === undefined ? own : Buffer.concat([toWire(Buffer.from(prepend)), own])
  }

  #lookUp(kind: CheckKind, text: Buffer): string | undefined | Promise<string | undefined> {
    const list = this.#checking ? this.#checks.lists[kind] : undefined
    if (list === undefined) return undefined
    try {
      const answer = list.get(keyOf(text))
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#failed(list.name, error)) : answer
    } catch (error) {
      return this.#failed(list.name, error)
    }
  }

  /** A table that cannot be asked: the client is to come again. */
  #failed(list: string, error: unknown): undefined {
    if (!(error instanceof TableError)) throw error
    this.#report.lookupFailed(list, error.message)
    this.#refusal ??= NO_LOOKUP
    this.#checking = false
  }

  #act(value: string, kind: CheckKind, text: Buffer): Decision {
    const list = this.#checks.lists[kind]?.name ?? kind
    const place: Place = kind === 'body' ? 'body' : 'header'
    const decision = decide(value, place, list, this.#checks.actions)
    const { warning, log, effect, reject, last } = decision
    if (warning !== undefined) this.#report.warn(warning)
    // Postfix: a message is put on hold once, and never when it is thrown away.
    const again = effect?.action === 'hold' && this.effects.some((e) => e.action === 'hold')
    if (log !== undefined && !again) this.#report.log(log.action, place, logged(text), log.text)
    if (effect !== undefined && !again) this.effects.push(effect)
    if (reject !== undefined) this.#refusal = replyOf(reject.status, reject.text)
    if (last === true) this.#checking = false
    return decision
  }
}
