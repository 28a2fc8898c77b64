/**
 * A message of the queue as the records of one of Postfix's queue files: types, names and offsets are those that such a file
 * would have. Postfix: rec_type.h, postcat.c.
 */
import { ctime } from './queue-print.ts'

export interface CatMessage {
  readonly queue: string
  readonly queueId: string
  readonly sender: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly ret?: string
  readonly envid?: string
  readonly body?: string
  readonly verp?: string
  readonly smtpUtf8?: boolean
  readonly saslUsername: string
  readonly client?: Readonly<Record<'address' | 'name' | 'helo' | 'protocol' | 'saslMethod' | 'saslSender', string>> & {
    readonly port?: number
  }
  readonly recipients: readonly {
    readonly address: string
    readonly original: string
    readonly orcpt?: string
    readonly notify?: readonly string[]
  }[]
}

export interface CatRecord {
  /** The letter of the record. */
  readonly type: string
  /** `''` for a marker. */
  readonly name: string
  readonly shown: Buffer | string
  /** Octets of the record in a file. */
  readonly length: number
  readonly part: 'envelope' | 'header' | 'body'
}

/** Postfix's line_length_limit: what is longer stands in several records. */
const LINE_LIMIT = 2048

/** One type octet, the length in groups of seven bits, the data. */
function lengthOf(octets: number): number {
  let width = 1
  for (let rest = octets >>> 7; rest > 0; rest >>>= 7) width++
  return 1 + width + octets
}

function record(type: string, name: string, data: string, shown: string = data): CatRecord {
  return { type, name, shown, length: lengthOf(Buffer.byteLength(data)), part: 'envelope' }
}

export function marker(type: string, shown: string): CatRecord {
  return { type, name: '', shown, length: lengthOf(0), part: 'envelope' }
}

/** The records in front of the content. */
export function envelopeRecords(m: CatMessage): CatRecord[] {
  const seconds = Math.floor(m.arrivalMs / 1000)
  const rest = [
    record('T', 'message_arrival_time', `${seconds} ${(m.arrivalMs % 1000) * 1000}`, ctime(m.arrivalMs, true)),
    record('A', 'create_time', `create_time=${seconds}`, ctime(m.arrivalMs, true)),
    ...attributes(m),
    ...(m.verp === undefined ? [] : [record('V', 'verp_delimiters', m.verp)]),
    record('S', 'sender', m.sender),
    ...m.recipients.flatMap((r) => [
      ...attribute('notify_flags', notifyFlags(r.notify)),
      // Where the client named none, Postfix's cleanup(8) does.
      ...attribute('dsn_orig_rcpt', r.orcpt ?? `rfc822;${r.original === '' ? r.address : r.original}`),
      ...(r.original === '' ? [] : [record('O', 'original_recipient', r.original)]),
      record('R', 'recipient', r.address),
    ]),
  ]
  const size = (dataOffset: number): CatRecord => {
    const numbers = [m.sizeOctets, dataOffset, m.recipients.length, 0, m.sizeOctets, m.smtpUtf8 === true ? 1 : 0]
    return record('C', 'message_size', numbers.map((n) => String(n).padStart(15)).join(' '))
  }
  // All its numbers have the same width: where the content begins does not depend on what it says.
  const before = [size(0), ...rest].reduce((sum, { length }) => sum + length, 0)
  return [size(before + lengthOf(0)), ...rest]
}

function attributes({ envid, ret, body, client, saslUsername }: CatMessage): CatRecord[] {
  return [
    ...attribute('envelope_id', envid),
    ...attribute('ret_flags', ret === undefined ? undefined : ret === 'FULL' ? '1' : '2'),
    ...attribute('encoding', body === '8BITMIME' ? '8bit' : undefined),
    ...attribute('log_client_name', client?.name),
    ...attribute('log_client_address', client?.address),
    ...attribute('log_client_port', client?.port === undefined ? undefined : String(client.port)),
    ...attribute('log_helo_name', client?.helo),
    ...attribute('log_protocol_name', client?.protocol),
    ...attribute('sasl_method', client?.saslMethod),
    ...attribute('sasl_username', saslUsername),
    ...attribute('sasl_sender', client?.saslSender),
  ]
}

function attribute(name: string, value: string | undefined): CatRecord[] {
  return value === undefined || value === '' ? [] : [record('A', 'named_attribute', `${name}=${value}`)]
}

/** Postfix: dsn_mask.h. */
function notifyFlags(notify: readonly string[] | undefined): string | undefined {
  const bits: Readonly<Record<string, number>> = { NEVER: 1, SUCCESS: 2, FAILURE: 4, DELAY: 8 }
  return notify === undefined ? undefined : String(notify.reduce((sum, word) => sum + (bits[word] ?? 0), 0))
}

const FIELD = /^(?:[\x21-\x39\x3b-\x7e]+[ \t]*:|[ \t])/

/** Cuts content into records; octets are left as they are. */
export class ContentRecords {
  #inHeader = true
  #rest: Buffer = Buffer.alloc(0);

  *push(piece: Buffer): Generator<CatRecord> {
    const octets = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    let at = 0
    for (let end; (end = octets.indexOf('\r\n', at)) >= 0; at = end + 2) yield* this.#line(octets.subarray(at, end))
    this.#rest = Buffer.from(octets.subarray(at))
  }

  *end(): Generator<CatRecord> {
    if (this.#rest.length > 0) yield* this.#line(this.#rest)
  }

  *#line(line: Buffer): Generator<CatRecord> {
    if (this.#inHeader && !FIELD.test(line.toString('latin1'))) this.#inHeader = false
    const part = this.#inHeader ? 'header' : 'body'
    let rest = line
    for (; rest.length > LINE_LIMIT; rest = rest.subarray(LINE_LIMIT)) {
      const shown = rest.subarray(0, LINE_LIMIT)
      yield { type: 'L', name: 'unterminated_text', shown, length: lengthOf(LINE_LIMIT), part }
    }
    yield { type: 'N', name: 'regular_text', shown: rest, length: lengthOf(rest.length), part }
  }
}
