/**
 * Dovecot's authentication server, for `smtpd_sasl_type = dovecot`: lines of fields between tabs over a socket. It runs
 * the mechanism, we carry challenges and responses. Version 1.1 of its protocol, as Postfix speaks it.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { type ExchangeOptions, type SaslExchange, type SaslStep, SaslUnavailable } from '../../formats/sasl/mod.ts'

/** How long the server may take for an answer; Postfix waits as long. */
const ANSWER_LIMIT_MS = 10_000
/** The most octets of a line of its. */
const LINE_LIMIT = 8192
/** How long the list of mechanisms is believed. */
const LIST_AGE_MS = 60_000
/** Reading an exchange to its end takes no more lines than this between two of the client's. */
const MAX_LINES = 100

interface Mechanism {
  readonly name: string
  readonly properties: readonly string[]
}

/** Which property a security option forbids, or wants. */
const FORBIDS: Readonly<Record<string, string>> = {
  noplaintext: 'plaintext',
  noactive: 'active',
  nodictionary: 'dictionary',
  noanonymous: 'anonymous',
}
const WANTS: Readonly<Record<string, string>> = { mutual_auth: 'mutual-auth', forward_secrecy: 'forward-secrecy' }

export class DovecotAuth {
  readonly #target: NetConnectOpts
  readonly #name: string
  readonly #limitMs: number
  #list: { readonly mechanisms: readonly Mechanism[]; readonly atMs: number } | undefined

  /** @param path smtpd_sasl_path: a socket's path, absolute by now, or `inet:host:port` */
  constructor(path: string, limitMs = ANSWER_LIMIT_MS) {
    const [, host, port] = /^inet:(?:\[?([^\]]*?)\]?:)?(\d+)$/.exec(path) ?? []
    this.#target = port === undefined ? { path } : { host: host ?? 'localhost', port: Number(port) }
    this.#name = path
    this.#limitMs = limitMs
  }

  /** The mechanisms that security options leave, in its order. Throws SaslUnavailable when it cannot be asked. */
  async mechanisms(options: readonly string[]): Promise<readonly string[]> {
    const now = performance.now()
    if (this.#list === undefined || now - this.#list.atMs > LIST_AGE_MS) {
      const link = await this.#open()
      link.close()
      this.#list = { mechanisms: link.mechanisms, atMs: now }
    }
    const isAllowed = ({ properties }: Mechanism): boolean =>
      !properties.includes('private') &&
      options.every((option) => {
        const [bad, good] = [FORBIDS[option], WANTS[option]]
        return (bad === undefined || !properties.includes(bad)) && (good === undefined || properties.includes(good))
      })
    return this.#list.mechanisms.filter(isAllowed).map(({ name }) => name)
  }

  start(mechanism: string, options: ExchangeOptions): SaslExchange {
    return new DovecotExchange(mechanism, options, () => this.#open())
  }

  async #open(): Promise<Link> {
    const link = new Link(connect(this.#target), this.#name, this.#limitMs)
    await link.greet()
    return link
  }
}

/** One connection: the greeting, then one exchange. */
class Link {
  mechanisms: readonly Mechanism[] = []
  readonly #socket: Socket
  readonly #name: string
  readonly #limitMs: number
  readonly #lines: AsyncGenerator<string>

  constructor(socket: Socket, name: string, limitMs: number) {
    this.#socket = socket
    this.#name = name
    this.#limitMs = limitMs
    socket.on('timeout', () => socket.destroy(new Error('no answer in time')))
    socket.on('error', () => {}) // told by the iterator
    this.#lines = linesOf(socket)
  }

  async greet(): Promise<void> {
    const mechanisms: Mechanism[] = []
    this.send('VERSION', '1', '1')
    this.send('CPID', String(process.pid))
    for (let n = 0; n < MAX_LINES; n++) {
      const [command = '', name = '', ...properties] = await this.next()
      if (command === 'VERSION' && name !== '1') break
      if (command === 'MECH') mechanisms.push({ name, properties })
      if (command !== 'DONE') continue
      this.mechanisms = mechanisms
      return
    }
    this.close()
    throw new SaslUnavailable(`${this.#name}: no greeting of an authentication server`)
  }

  send(...fields: readonly string[]): void {
    this.#socket.write(`${fields.join('\t')}\n`)
  }

  /** The fields of the next line. */
  async next(): Promise<string[]> {
    this.#socket.setTimeout(this.#limitMs)
    try {
      const { value, done } = await this.#lines.next()
      if (done === true) throw new Error('hung up')
      return value.split('\t')
    } catch (error) {
      this.close()
      throw new SaslUnavailable(`${this.#name}: ${error instanceof Error ? error.message : String(error)}`)
    } finally {
      this.#socket.setTimeout(0)
    }
  }

  close(): void {
    this.#socket.destroy()
  }
}

async function* linesOf(socket: Socket): AsyncGenerator<string> {
  let rest = ''
  socket.setEncoding('utf8')
  for await (const chunk of socket) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > LINE_LIMIT) throw new Error('line too long')
    yield* lines
  }
}

/** The one request of a connection. */
const REQUEST = '1'

class DovecotExchange implements SaslExchange {
  readonly mechanism: string
  readonly clientFirst = true
  readonly #options: ExchangeOptions
  readonly #open: () => Promise<Link>
  #link: Link | undefined

  constructor(mechanism: string, options: ExchangeOptions, open: () => Promise<Link>) {
    this.mechanism = mechanism
    this.#options = options
    this.#open = open
  }

  async step(response: Buffer | undefined): Promise<SaslStep> {
    try {
      if (this.#link === undefined) {
        this.#link = await this.#open()
        this.#link.send('AUTH', REQUEST, this.mechanism, ...this.#facts(), ...initial(response))
      } else this.#link.send('CONT', REQUEST, (response ?? Buffer.alloc(0)).toString('base64'))
      const step = await this.#answer(this.#link)
      if (step.state !== 'continue') this.close()
      return step
    } catch (error) {
      this.close()
      if (!(error instanceof SaslUnavailable)) throw error
      return {
        state: 'failed',
        reason: 'Connection lost to authentication server',
        temporary: true,
        detail: error.message,
      }
    }
  }

  close(): void {
    this.#link?.close()
  }

  #facts(): string[] {
    const { service, client } = this.#options
    if (client === undefined) return [`service=${service}`, 'nologin']
    const { address, localAddress, secured } = client
    return [`service=${service}`, 'nologin', `lip=${localAddress}`, `rip=${address}`, ...(secured ? ['secured'] : [])]
  }

  async #answer(link: Link): Promise<SaslStep> {
    for (let n = 0; n < MAX_LINES; n++) {
      const [command, request, ...fields] = await link.next()
      if (request !== REQUEST) continue
      if (command === 'CONT') return { state: 'continue', challenge: Buffer.from(fields[0] ?? '', 'base64') }
      if (command === 'OK')
        return { state: 'done', identity: { accountId: undefined, username: valueOf(fields, 'user') ?? '' } }
      if (command !== 'FAIL') continue
      const reason = valueOf(fields, 'reason') ?? '(reason unavailable)'
      return { state: 'failed', reason, temporary: fields.includes('temp') }
    }
    throw new SaslUnavailable('no answer of an authentication server')
  }
}

/** The last field of AUTH, where the client spoke first. */
function initial(response: Buffer | undefined): string[] {
  return response === undefined ? [] : [`resp=${response.toString('base64')}`]
}

const ESCAPES: Readonly<Record<string, string>> = { '0': '\0', '1': '\x01', t: '\t', r: '\r', n: '\n' }

/** `name=value` among the fields; the value may hold octets that stand behind \x01. */
function valueOf(fields: readonly string[], name: string): string | undefined {
  const field = fields.find((one) => one.startsWith(`${name}=`))
  const [first = '', ...rest] = field?.slice(name.length + 1).split('\x01') ?? []
  if (field === undefined) return undefined
  return first + rest.map((part) => (ESCAPES[part[0] ?? ''] ?? part[0] ?? '') + part.slice(1)).join('')
}
