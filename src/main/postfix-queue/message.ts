/** A message as a queue file of Postfix holds it. */
import { DataReader } from '../../formats/smtp/mod.ts'
import { QueueFileError, type QueueRecord, recordsOf } from './records.ts'

export interface PostfixRecipient {
  readonly address: string
  readonly original: string
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[]
  readonly orcpt?: string
}

export interface PostfixMessage {
  /** undefined: pickup(8) takes the owner of the file. */
  readonly sender: string | undefined
  readonly arrivalMs: number | undefined
  readonly fullName: string | undefined
  readonly ret: 'FULL' | 'HDRS' | undefined
  readonly verp: string | undefined
  readonly smtpUtf8: boolean
  /** The sender was told that it is delayed. */
  readonly warned: boolean
  /** `transport:nexthop`. */
  readonly filter: string | undefined
  /** `name=value` of the message, the last one of a name. */
  readonly attributes: ReadonlyMap<string, string>
  /** Those that wait still. */
  readonly recipients: readonly PostfixRecipient[]
  /** In wire form, in pieces. */
  readonly content: readonly Buffer[]
}

const CRLF = Buffer.from('\r\n')
const NOTIFY = [
  [1, 'NEVER'],
  [2, 'SUCCESS'],
  [4, 'FAILURE'],
  [8, 'DELAY'],
] as const
/** smtputf8.h: the client asked for it. */
const SMTPUTF8_REQUESTED = 1

/** Throws QueueFileError. */
export function readMessage(file: Buffer): PostfixMessage {
  const reader = new Reader()
  for (const record of recordsOf(file)) reader.take(record)
  return reader.message
}

class Reader {
  #inContent = false
  #sender: string | undefined
  #arrivalMs: number | undefined
  #fullName: string | undefined
  #verp: string | undefined
  #filter: string | undefined
  #redirect: string | undefined
  #sendOptions = 0
  #warned = false
  readonly #attributes = new Map<string, string>()
  readonly #recipients: PostfixRecipient[] = []
  readonly #content: Buffer[] = []
  /** Of the recipient that follows. */
  #original = ''
  #orcpt: string | undefined
  #notify = 0

  take({ type, data, offset }: QueueRecord): void {
    if (this.#inContent && this.#takeContent(type, data)) return
    const text = data.toString('utf8')
    if (/[\0\r\n]/.test(text)) throw new QueueFileError('its envelope holds a line end', offset)
    switch (type) {
      case 'M':
        this.#inContent = true
        return
      case 'C':
        this.#sendOptions = Number(text.trim().split(/ +/)[5] ?? 0)
        return
      case 'T':
        this.#arrivalMs = timeOf(text)
        return
      case 'F':
        this.#fullName = text
        return
      case 'S':
        if (this.#sender !== undefined) throw new QueueFileError('it has two senders', offset)
        this.#sender = text
        return
      case 'V':
        this.#verp = text
        return
      case 'L':
        this.#filter = text
        return
      case 'W':
        // Postfix: qmgr_message_update_warn writes the time of the warning over, with a minus.
        this.#warned = Number(text) <= 0
        return
      case '>':
        this.#redirect = text
        return
      case 'A':
        return this.#takeAttribute(text)
      case 'o':
        this.#orcpt = text
        return
      case 'n':
        this.#notify = Number(text)
        return
      case 'O':
        this.#original = text
        return
      case 'R':
        this.#recipients.push(this.#recipient(text))
        return this.#nextRecipient()
      case 'D':
      case 'K':
        return this.#nextRecipient() // done with
      default: // sizes for the disk, what is Postfix's own
    }
  }

  /** True: it was content. */
  #takeContent(type: string, data: Buffer): boolean {
    switch (type) {
      case 'N':
        this.#content.push(data, CRLF)
        return true
      case 'L':
        this.#content.push(data)
        return true
      case 'X':
        this.#inContent = false
        return true
      default:
        return false
    }
  }

  #takeAttribute(text: string): void {
    const equals = text.indexOf('=')
    const [name, value] = [text.slice(0, Math.max(0, equals)), text.slice(equals + 1)]
    if (name === 'dsn_orig_rcpt') this.#orcpt = value
    else if (name === 'notify_flags') this.#notify = Number(value)
    else this.#attributes.set(name, value)
  }

  #recipient(address: string): PostfixRecipient {
    const notify = NOTIFY.flatMap(([bit, word]) => ((this.#notify & bit) === 0 ? [] : [word]))
    return {
      address,
      original: this.#original === address ? '' : this.#original,
      ...(notify.length > 0 && { notify }),
      ...(this.#orcpt !== undefined && { orcpt: this.#orcpt }),
    }
  }

  #nextRecipient(): void {
    this.#original = ''
    this.#orcpt = undefined
    this.#notify = 0
  }

  /** Before 3.9 Postfix kept stray CRs: no other server should take them for line ends. */
  #wireForm(): Buffer[] {
    const reader = new DataReader({ dots: false })
    return [...this.#content.flatMap((piece) => reader.push(piece).content), ...reader.finish()]
  }

  get message(): PostfixMessage {
    const ret = this.#attributes.get('ret_flags')
    const to = this.#redirect
    return {
      sender: this.#sender,
      arrivalMs: this.#arrivalMs,
      fullName: this.#fullName,
      ret: ret === '1' ? 'FULL' : ret === '2' ? 'HDRS' : undefined,
      verp: this.#verp,
      smtpUtf8: (this.#sendOptions & SMTPUTF8_REQUESTED) !== 0,
      filter: this.#filter,
      attributes: this.#attributes,
      warned: this.#warned,
      // Postfix: qmgr_message_read sends all to the one that REDIRECT names.
      recipients: to === undefined ? this.#recipients : [{ address: to, original: '' }],
      content: this.#wireForm(),
    }
  }
}

/** `seconds`, or `seconds microseconds`. */
function timeOf(text: string): number | undefined {
  const [seconds, micros = '0'] = text.trim().split(/ +/)
  const ms = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)
  return Number.isSafeInteger(ms) && ms > 0 ? ms : undefined
}

export interface Failure {
  readonly recipient: string
  readonly status: string
  readonly reason: string
}

/** What stands in `defer/ID` and `bounce/ID`: blocks of `name=value`; the last one of a recipient counts. Postfix: bounce_log(3). */
export function readFailures(text: string): Failure[] {
  const found = new Map<string, Failure>()
  for (const block of text.split(/\n\n+/)) {
    const field = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(block)?.[1] ?? ''
    const recipient = field('recipient')
    if (recipient !== '') found.set(recipient, { recipient, status: field('status'), reason: field('reason') })
  }
  return [...found.values()]
}
