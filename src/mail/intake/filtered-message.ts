/**
 * A message before it is taken in, as filters see and change it. Its octets stay in their draft; what is changed is kept
 * beside, and makes a new draft only where anything was. Postfix: cleanup_milter.c.
 */
import { publish } from '#src/base/mod.ts'
import { DataReader, type Envelope, type EnvelopeRecipient, type Reply } from '../../formats/smtp/mod.ts'
import type { Draft } from '../../io/blobs/mod.ts'
import { addressIn, recipientParameters, senderParameters } from './filter-addresses.ts'
import type { IntakeEvent } from './events.ts'
import type { FilteredField, FilteredMessage, FilterVerdict } from './filters.ts'
import { type Field, readHead, HEAD_LIMIT } from './head.ts'

/** Trace fields may stand in front of a header section of the largest size. */
const TRACE_LIMIT = 128 * 1024
/** What a draft gives at a time. */
const PIECE = 1024 * 1024

const CRLF = Buffer.from('\r\n')
const COLON = 0x3a
/** Fields are kept whole here: they were cut when they came. */
const WHOLE = { header_size_limit: Number.POSITIVE_INFINITY, message_drop_headers: [] }

const TOO_BIG: FilterVerdict = {
  action: 'reject',
  reply: { code: 552, enhanced: '5.3.4', lines: ['Error: message file too big'] },
}

/** Looks at a field that a filter made (milter_header_checks). */
export interface FieldChecks {
  /** What stands in its place. */
  field(field: Field): Promise<readonly Field[]>
  /** Why the message is not taken. */
  readonly refusal: Reply | undefined
}

export interface FilteringOptions {
  readonly queueId: string
  readonly envelope: Envelope
  /** As filters are told it. */
  readonly sender: string
  readonly draft: Draft
  /** This host's trace field: filters do not see it. */
  readonly own: Buffer
  readonly checks: FieldChecks | undefined
  readonly sizeLimit: number
  /** For a body that takes the message's place. */
  readonly newDraft: () => Draft
}

export class MessageInFilters implements FilteredMessage {
  readonly queueId: string
  readonly sender: string
  readonly recipients: readonly string[]
  envelope: Envelope
  readonly #options: FilteringOptions
  readonly #bodyAt: number
  #fields: Field[]
  #edited = false
  /** A new body, on its way or whole. */
  #body: Draft | undefined
  /** Makes lines in wire form of what a filter wrote, whatever ends them: no stray CR may leave with them. */
  #lines: DataReader | undefined

  constructor(options: FilteringOptions) {
    const { draft, own, envelope } = options
    this.#options = options
    this.queueId = options.queueId
    this.sender = options.sender
    this.recipients = envelope.recipients.map(({ address }) => address)
    this.envelope = envelope
    const limit = Math.min(draft.size, HEAD_LIMIT + TRACE_LIMIT)
    const { fields, bodyAt } = readHead(Buffer.concat([...pieces(draft, 0, limit)]), WHOLE)
    this.#fields = fields.map((field) => (field.raw.equals(own) ? OWN(field) : field))
    this.#bodyAt = bodyAt
  }

  /** Whether content, not only the envelope, is another. */
  get edited(): boolean {
    return this.#edited
  }

  get fields(): readonly FilteredField[] {
    return this.#fields.filter((field) => !isOwn(field)).map(shown)
  }

  /** As they are now, for whoever reads the final header section. */
  get allFields(): readonly Field[] {
    return this.#fields
  }

  get bodyOctets(): number {
    return this.#body?.size ?? this.#options.draft.size - this.#bodyAt
  }

  readBody(from: number, to: number): Buffer {
    if (this.#body !== undefined) return this.#body.read(from, to)
    return this.#options.draft.read(this.#bodyAt + from, this.#bodyAt + to)
  }

  /** The message as it became. */
  *content(): Generator<Buffer> {
    yield Buffer.concat([...this.#fields.map(({ raw }) => raw), CRLF])
    for (let at = 0; at < this.bodyOctets; at += PIECE) yield this.readBody(at, Math.min(at + PIECE, this.bodyOctets))
  }

  async addField(name: string, value: Buffer): Promise<FilterVerdict | undefined> {
    return this.#put(this.#fields.length, 0, name, value)
  }

  async insertField(index: number, name: string, value: Buffer): Promise<FilterVerdict | undefined> {
    return this.#put(Math.min(index, this.#fields.length), 0, name, value)
  }

  async changeField(index: number, name: string, value: Buffer): Promise<FilterVerdict | undefined> {
    const key = name.toLowerCase()
    let left = index
    const at = this.#fields.findIndex((field) => field.name === key && !isOwn(field) && --left === 0)
    if (value.length > 0) return at < 0 ? this.addField(name, value) : this.#put(at, 1, name, value)
    if (at >= 0) this.#splice(at, 1, [])
    return undefined
  }

  changeSender(address: string, parameters: string): void {
    const { address: sender = '', more, unfit } = addressIn(address)
    if (unfit) return this.#unfit(address)
    if (more) this.#warn(`Milter request to add multi-sender: "${address}"`)
    const { dsn, bad } = senderParameters(parameters)
    for (const word of bad) warn(`Ignoring bad ESMTP parameter "${word}" in SMFI_CHGFROM request`)
    this.envelope = { ...this.envelope, ...dsn, sender }
  }

  addRecipient(address: string, parameters: string): void {
    const { dsn, problems } = recipientParameters(parameters)
    for (const problem of problems) this.#warn(problem)
    const { address: recipient, more, unfit } = addressIn(address)
    if (unfit) return this.#unfit(address)
    if (more) this.#warn(`Milter or header/body_checks request to add multi-recipient: "${address}"`)
    if (recipient === undefined) return this.#warn('ignoring attempt from Milter to add null recipient')
    this.#setRecipients([...this.envelope.recipients, { address: recipient, ...dsn }])
  }

  deleteRecipient(address: string): void {
    const { address: recipient = '', more, unfit } = addressIn(address)
    if (unfit) return this.#unfit(address)
    if (more) this.#warn(`Milter request to drop multi-recipient: "${address}"`)
    this.#setRecipients(this.envelope.recipients.filter((one) => one.address !== recipient))
  }

  async replaceBody(piece: Buffer): Promise<FilterVerdict | undefined> {
    const { newDraft, sizeLimit, queueId } = this.#options
    if (this.#lines === undefined) {
      this.#body?.discard()
      this.#body = newDraft()
      this.#lines = new DataReader({ dots: false })
      this.#edited = true
    }
    const octets = Buffer.concat(this.#lines.push(piece).content)
    const size = this.#headOctets + (this.#body?.size ?? 0) + octets.length
    if (sizeLimit > 0 && size > sizeLimit) {
      warn(`${queueId}: queue file size limit exceeded`)
      return TOO_BIG
    }
    await this.#body?.write(octets)
    return undefined
  }

  async endBody(): Promise<undefined> {
    const rest = this.#lines?.finish() ?? []
    this.#lines = undefined
    for (const octets of rest) await this.#body?.write(octets)
  }

  /** Forgets a body that nobody wants any more. */
  discard(): void {
    this.#body?.discard()
  }

  get #headOctets(): number {
    return this.#fields.reduce((sum, { raw }) => sum + raw.length, CRLF.length)
  }

  async #put(at: number, gone: number, name: string, value: Buffer): Promise<FilterVerdict | undefined> {
    const { checks } = this.#options
    const made = fieldOf(name, value)
    const stands = checks === undefined ? [made] : await checks.field(made)
    this.#splice(at, stands.length === 0 ? 0 : gone, stands)
    const reply = checks?.refusal
    return reply === undefined ? undefined : { action: 'reject', reply }
  }

  #splice(at: number, gone: number, fields: readonly Field[]): void {
    this.#fields.splice(at, gone, ...fields)
    this.#edited = true
  }

  #unfit(address: string): void {
    this.#warn(`ignoring address with control characters from Milter: "${address}"`)
  }

  #setRecipients(recipients: readonly EnvelopeRecipient[]): void {
    this.envelope = { ...this.envelope, recipients }
  }

  #warn(text: string): void {
    warn(`${this.queueId}: ${text}`)
  }
}

function warn(text: string): void {
  publish<IntakeEvent>({ event: 'intake.warning', text })
}

interface OwnField extends Field {
  readonly own: true
}
const OWN = (field: Field): OwnField => ({ ...field, own: true })
const isOwn = (field: Field): field is OwnField => 'own' in field

function* pieces(draft: Draft, from: number, to: number): Generator<Buffer> {
  for (let at = from; at < to; at += PIECE) yield draft.read(at, Math.min(at + PIECE, to))
}

/** `Name: value` with its lines folded: what is no continuation becomes one. */
function fieldOf(name: string, value: Buffer): Field {
  const clean = name.replace(/[\r\n\0:]/g, '')
  const text = value
    .toString('latin1')
    .replace(/\r?\n/g, '\n')
    .replace(/\n(?![ \t])/g, '\n\t')
    .replaceAll('\n', '\r\n')
  return { name: clean.toLowerCase(), raw: Buffer.from(`${clean}:${text}\r\n`, 'latin1') }
}

function shown({ raw }: Field): FilteredField {
  const colon = raw.indexOf(COLON)
  const text = raw.toString('latin1', colon + 1).replace(/\r\n$/, '')
  return { name: raw.toString('latin1', 0, colon), value: Buffer.from(text.replaceAll('\r\n', '\n'), 'latin1') }
}
