/**
 * One POP3 session: lines in, answers out, one command at a time. Pipelined commands wait in the buffer (RFC 2449 §6.6).
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, publish } from '#src/base/mod.ts'
import { COMMAND_LIMIT, parseCommand, Pop3Error } from '../../formats/pop3/mod.ts'
import {
  type ExchangeOptions,
  type SaslBackend,
  type SaslExchange,
  type SaslIdentity,
  usableMechanisms,
} from '../../formats/sasl/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import { saslChannel } from '../../mail/accounts/mod.ts'
import type { LoginDoor, Visit } from '../../mail/logins/mod.ts'
import type { Store } from '../../mail/store/mod.ts'
import { commands } from './commands/mod.ts'
import type { Pop3dEvent } from './events.ts'
import type { Maildrop } from './maildrop.ts'
import type { pop3dParams } from './params.ts'
import type { Visits } from './visits.ts'

export interface Pop3dDeps {
  readonly cf: Settings<typeof pop3dParams>
  readonly store: Store
  readonly backend: SaslBackend
  /** Slows guessing, bans and records; missing where that is not done. */
  readonly door?: LoginDoor
  /** Offered in this order, where the connection has what they need. */
  readonly mechanisms: readonly string[]
  readonly startExchange: (
    mechanism: string,
    backend: SaslBackend,
    options: ExchangeOptions,
  ) => SaslExchange | undefined
  readonly hostname: string
  readonly tlsAvailable: boolean
  /** Whether APOP is offered: every account can, and nobody else is asked for passwords. */
  readonly offersApop: boolean
  readonly clock: Clock
}

const BANNED = '[SYS/TEMP] Too many failed log-ins from your network: try again later.'
const CR = 0x0d
const LF = 0x0a
/** Answers are gathered up to this size before they are written. */
const ANSWER_PIECE = 64 * 1024
/** A response line of AUTH may be longer than a command (RFC 5034 §4). */
const RESPONSE_LIMIT = 12_288
const LONGEST_DELAY_MS = 16_000
/** A browser that was led here: what is behind it was chosen by somebody else. */
const HTTP = /^[A-Z]{3,20} \S+ HTTP\/\d|^(?:Host|User-Agent|Accept|Connection|Origin|Referer|Content-[A-Za-z]+): /i

export class Session {
  readonly deps: Pop3dDeps
  readonly connection: Connection
  readonly visits: Visits
  /** What APOP digests; undefined where that is not offered. */
  readonly timestamp: string | undefined
  /** The client reads UTF-8 in header fields (RFC 6856). */
  utf8 = false
  /** Undefined before somebody has logged in. */
  maildrop: Maildrop | undefined
  user = ''
  /** USER was said; PASS comes next. */
  named: string | undefined
  retrieved = 0
  deleted = 0
  #buffer: Buffer = Buffer.alloc(0)
  /** Behind the limit of a long line: what comes up to its end is no command. */
  #dropping = false
  #running = false
  /** What had been written when the client was heard last. */
  #octetsBefore = 0
  #closing = ''
  /** The client has closed its side. */
  #half = false
  #errors = 0
  #failures = 0
  #awaited: ((line: Buffer | Promise<never> | undefined) => void) | undefined
  #out: (string | Buffer)[] = []
  #outOctets = 0
  readonly #gone = new AbortController()
  readonly #strangerSince: number
  readonly #visit: Visit | undefined

  constructor(deps: Pop3dDeps, connection: Connection, visits: Visits) {
    this.deps = deps
    this.connection = connection
    this.#strangerSince = deps.clock.monotonic()
    this.visits = visits
    this.#visit = deps.door?.visit(() => this.client)
    this.timestamp = deps.offersApop
      ? `<${randomBytes(8).toString('hex')}.${deps.clock.now()}@${deps.hostname}>`
      : undefined
  }

  async start(): Promise<void> {
    this.connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#peerClosed(),
      idle: () => this.#idled(),
    })
    this.#armTimer()
    publish<Pop3dEvent>({ event: 'pop3d.connect', ...this.client })
    if ((await this.#visit?.isBanned()) === true) return this.#turnAway()
    if ((await this.#visit?.entered()) === false) return this.#full()
    if (this.#closing !== '') return this.#visit?.left() // it has gone meanwhile
    this.connection.write(`+OK Postigo ready.${this.timestamp === undefined ? '' : ` ${this.timestamp}`}\r\n`)
  }

  #full(): void {
    this.line('-ERR [SYS/TEMP] Too many connections that have not logged in.')
    this.close('Too many connections')
  }

  #turnAway(): void {
    this.line(`-ERR ${BANNED}`)
    this.close('Too many failed log-ins')
  }

  /** What one log-in is checked by. */
  get backend(): SaslBackend {
    return this.#visit?.watch(this.deps.backend) ?? this.deps.backend
  }

  /** An exchange whose outcome is told as late as a guess's must be. */
  slowed(exchange: SaslExchange | undefined): SaslExchange | undefined {
    return exchange && (this.#visit?.slow(exchange) ?? exchange)
  }

  /** The same for APOP, which is no exchange. */
  async waited(): Promise<void> {
    await this.#visit?.waited()
  }

  get client(): { address: string; port: number; localAddress: string; tls: string | undefined } {
    const { remote, local, tls } = this.connection
    return { address: remote.address, port: remote.port, localAddress: local.address, tls: tls?.protocol }
  }

  /** May a password be sent on this connection? */
  get mayLogIn(): boolean {
    return this.connection.tls !== undefined || !this.deps.cf.pop3d_tls_auth_only
  }

  /** Those to offer here and now. */
  get mechanisms(): string[] {
    return usableMechanisms(this.deps.mechanisms, saslChannel(this.connection))
  }

  get signal(): AbortSignal {
    return this.#gone.signal
  }

  line(text: string): void {
    this.put(text + '\r\n')
  }

  /** Adds to the answer; large ones leave on the way. */
  put(part: string | Buffer): void {
    this.#out.push(part)
    this.#outOctets += part.length
    if (this.#outOctets >= ANSWER_PIECE) this.flush()
  }

  /** False: the client reads slowly, wait for `connection.drained()`. */
  flush(): boolean {
    const parts = this.#out
    this.#out = []
    this.#outOctets = 0
    let more = true
    for (const part of parts) more = this.connection.write(part)
    return more
  }

  /** Ends the session after the answer of the command in progress. */
  close(reason: string, answer = true): void {
    if (this.#closing !== '') return
    this.#closing = reason
    this.#gone.abort()
    this.#awaited?.(undefined)
    if (answer && reason === 'Inactivity') this.connection.write('-ERR [SYS/TEMP] Disconnected for inactivity.\r\n')
    if (!this.#running) this.#finish()
  }

  /** Asks for one line beyond the command's (AUTH): undefined when the client is gone. */
  nextLine(): Promise<Buffer | undefined> {
    this.flush()
    const line = this.#takeLine(RESPONSE_LIMIT)
    if (line !== undefined) return Promise.resolve(line)
    if (this.#closing !== '' || this.#half) return Promise.resolve(undefined)
    this.connection.resume() // it was told to wait where many commands came at once
    return new Promise((resolve) => (this.#awaited = resolve))
  }

  loggedIn(identity: SaslIdentity, method: string, maildrop: Maildrop): void {
    this.user = identity.username
    this.maildrop = maildrop
    this.#armTimer()
    this.#visit?.succeeded(identity, method, () => this.#letGo())
    publish<Pop3dEvent>({ event: 'pop3d.login', ...this.client, user: this.user, method })
  }

  /** Notes a failed log-in, waits longer with each, and makes the error to throw. */
  async failedLogIn(user: string, method: string, reason: string, temporary: boolean): Promise<Pop3Error> {
    publish<Pop3dEvent>({ event: 'pop3d.auth_failed', ...this.client, user, method, reason })
    if (temporary) return new Pop3Error('Authentication is not possible just now.', 'SYS/TEMP')
    if ((await this.#visit?.failed(method, reason)) === true) {
      this.close('Too many failed log-ins')
      return new Pop3Error('Too many failed log-ins from your network: try again later.', 'SYS/TEMP')
    }
    const delay = Math.min(LONGEST_DELAY_MS, this.deps.cf.pop3d_auth_failure_delay * 2 ** this.#failures++)
    await sleep(delay, undefined, { signal: this.signal }).catch(() => {})
    return new Pop3Error('Authentication failed.', 'AUTH')
  }

  /** The account or its application password is no more: the maildrop stays as it was. */
  #letGo(): void {
    this.connection.write('-ERR [SYS/PERM] Your log-in holds no longer.\r\n')
    this.close('Log-in holds no longer', false)
  }

  /** STLS: what came in plain behind it is dropped. RFC 2595 §4. */
  dropInput(): void {
    this.#buffer = Buffer.alloc(0)
    this.#dropping = false
  }

  /** Who takes a large answer, however slowly, is not idle; who takes none of it is let go, and its maildrop with it. */
  #idled(): void {
    if (!this.#running || this.#awaited !== undefined) return this.close('Inactivity')
    const { octetsOut } = this.connection
    if (octetsOut !== this.#octetsBefore) return this.#armTimer()
    this.close('Client takes no answers', false)
    this.connection.destroy()
  }

  #armTimer(): void {
    this.#octetsBefore = this.connection.octetsOut
    const { cf, clock } = this.deps
    const left = this.#strangerSince + cf.pop3d_login_timeout - clock.monotonic()
    this.connection.idleAfter(this.maildrop === undefined ? Math.max(1, left) : cf.pop3d_idle_timeout)
  }

  /** What was asked before the client closed its side is still answered (`printf … | nc`). */
  #peerClosed(): void {
    this.#half = true
    if (this.connection.closed || !this.#running) this.close('Connection closed', false)
    else this.#awaited?.(undefined)
  }

  #take(chunk: Buffer): void {
    this.#armTimer()
    this.#buffer = this.#buffer.length === 0 ? chunk : Buffer.concat([this.#buffer, chunk])
    if (this.#awaited !== undefined) {
      const resolve = this.#awaited
      const line = this.#responseLine()
      if (line === undefined) return
      this.#awaited = undefined
      resolve(line)
    } else if (!this.#running) {
      void this.#run()
    } else if (this.#buffer.length > RESPONSE_LIMIT) {
      this.connection.pause() // enough is waiting; what comes next stays with the kernel
    }
  }

  /** A line that is too long refuses the command that waits for it: nobody else is there to hear of it. */
  #responseLine(): Buffer | Promise<never> | undefined {
    try {
      return this.#takeLine(RESPONSE_LIMIT)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The next whole line without its end; undefined while there is none. Throws when it grows too long. */
  #takeLine(limit: number): Buffer | undefined {
    if (this.#dropping) this.#dropLine()
    const lf = this.#buffer.indexOf(LF)
    if (lf < 0 ? this.#buffer.length >= limit : lf >= limit) {
      this.#dropLine()
      throw new Pop3Error('Line too long.')
    }
    if (lf < 0) return undefined
    const line = this.#buffer.subarray(0, this.#buffer[lf - 1] === CR ? lf - 1 : lf)
    // An empty rest must not keep a chunk of 64 KiB alive in a session that idles.
    this.#buffer = lf + 1 === this.#buffer.length ? Buffer.alloc(0) : this.#buffer.subarray(lf + 1)
    return line
  }

  #dropLine(): void {
    const lf = this.#buffer.indexOf(LF)
    this.#dropping = lf < 0
    this.#buffer = lf < 0 ? Buffer.alloc(0) : this.#buffer.subarray(lf + 1)
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#closing === '') {
      try {
        const line = this.#takeLine(COMMAND_LIMIT)
        if (line === undefined) break
        await this.#command(line)
      } catch (error) {
        this.#refuse(error)
      }
      if (!this.flush()) await this.connection.drained()
    }
    this.#running = false
    if (this.#half && this.#closing === '') this.close('Connection closed', false)
    else if (this.#closing !== '') this.#finish()
    else this.connection.resume()
  }

  async #command(line: Buffer): Promise<void> {
    if (this.maildrop === undefined && HTTP.test(line.toString('latin1'))) return this.close('HTTP')
    const command = parseCommand(line)
    const row = commands.get(command.verb)
    if (row === undefined) throw new Pop3Error('Unknown command.')
    const state = this.maildrop === undefined ? 'authorization' : 'transaction'
    if (row.state !== 'any' && row.state !== state) {
      throw new Pop3Error(state === 'authorization' ? 'Log in first.' : 'Already logged in.')
    }
    if (command.verb !== 'PASS') this.named = undefined
    await row.run(this, command)
  }

  #refuse(error: unknown): void {
    const known = error instanceof Pop3Error ? error : new Pop3Error('Internal error.', 'SYS/TEMP', error)
    if (known !== error) publish({ event: 'pop3d.defect', error })
    this.line(known.line)
    if (++this.#errors >= this.deps.cf.pop3d_error_limit) {
      this.line('-ERR Too many errors.')
      this.close('Too many errors')
    }
  }

  #finish(): void {
    this.flush()
    this.#visit?.left()
    this.maildrop?.close()
    const { octetsIn, octetsOut } = this.connection
    const { retrieved, deleted, user } = this
    publish<Pop3dEvent>({
      event: 'pop3d.disconnect',
      ...this.client,
      user,
      reason: this.#closing,
      retrieved,
      deleted,
      octetsIn,
      octetsOut,
    })
    this.connection.end()
  }
}
