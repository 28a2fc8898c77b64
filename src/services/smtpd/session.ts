/**
 * One SMTP session: lines in, replies out, one command at a time; pipelined commands wait in the buffer (RFC 2920).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '#src/base/mod.ts'
import type { DataReader, Reply } from '../../formats/smtp/mod.ts'
import { printReply, SmtpError } from '../../formats/smtp/mod.ts'
import type { Connection } from '../../io/net/mod.ts'
import type { PolicyMemory, SessionFacts, Verdict } from '../../mail/policy/mod.ts'
import { commands, type Row } from './commands/mod.ts'
import { endContent } from './commands/data.ts'
import type { ChunkContent, DataContent } from './content.ts'
import { CommandCounts } from './counts.ts'
import { type SmtpdDeps, tlsLevel } from './deps.ts'
import type { SmtpdEvent } from './events.ts'
import { LineBuffer } from './line-buffer.ts'
import type { Transaction } from './transaction.ts'

/** Input that waits while a command runs, before the connection is told to stop reading. */
const INPUT_LIMIT = 256 * 1024

type ClientFacts = SessionFacts['client']

export class Session {
  readonly deps: SmtpdDeps
  readonly connection: Connection
  client: ClientFacts
  helo: string | undefined
  esmtp = false
  sasl: { readonly method: string; readonly username: string; readonly sender: string } | undefined
  transaction: Transaction | undefined
  /** Content is coming in: not lines but octets of a message. */
  content: DataContent | ChunkContent | undefined
  /** Carries line ends from one BDAT chunk to the next. */
  bdatReader: DataReader | undefined
  readonly counts = new CommandCounts()
  readonly memory: PolicyMemory
  junk = 0
  errors = 0
  readonly #input: LineBuffer
  #running = true
  #closed = false
  #where = 'CONNECT'
  #awaited: ((line: string | undefined) => void) | undefined
  readonly #gone = new AbortController()

  constructor(deps: SmtpdDeps, connection: Connection) {
    this.deps = deps
    this.connection = connection
    this.memory = deps.policy.session()
    this.#input = new LineBuffer(deps.cf.line_length_limit)
    const { address, port } = connection.remote
    this.client = { address, port, name: 'unknown', reverseName: 'unknown', nameStatus: 'permanent' }
  }

  async start(): Promise<void> {
    this.connection.attach({
      data: (chunk) => this.#take(chunk),
      end: () => this.#lost(),
      idle: () => this.#timedOut(),
    })
    this.connection.idleAfter(this.deps.cf.smtpd_timeout)
    const names = await this.deps.resolver.clientName(this.client.address)
    this.client = { ...this.client, ...names }
    publish<SmtpdEvent>({ event: 'smtpd.connect', ...this.who, port: this.client.port })
    if (this.connection.tls !== undefined) this.publishTls()
    const verdict = await this.deps.policy.connect(this.facts)
    if (verdict.reply === undefined) this.reply({ code: 220, lines: [this.deps.cf.smtpd_banner] })
    else this.#refuseConnection(verdict, verdict.reply)
    this.#running = false
    await this.#run()
  }

  /** RFC 5321 §3.1: a server that does not want to talk says so, and waits for QUIT unless it hangs up. */
  #refuseConnection(verdict: Verdict, reply: Reply): void {
    this.reply(reply)
    if (verdict.disconnect === true) this.close()
  }

  get who(): { syslogName: string; clientName: string; clientAddress: string } {
    return { syslogName: this.deps.cf.syslog_name, clientName: this.client.name, clientAddress: this.client.address }
  }

  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `UTF8SMTPSA`. RFC 3848, RFC 6531 §4.3. */
  get protocol(): string {
    if (!this.esmtp) return 'SMTP'
    const base = this.transaction?.parameters.smtpUtf8 === true ? 'UTF8SMTP' : 'ESMTP'
    return base + (this.connection.tls === undefined ? '' : 'S') + (this.sasl === undefined ? '' : 'A')
  }

  get facts(): SessionFacts {
    const { transaction, connection } = this
    const { tls } = connection
    return {
      client: this.client,
      helo: this.helo,
      protocol: this.esmtp ? 'ESMTP' : 'SMTP',
      tls: tls && {
        protocol: tls.protocol,
        cipher: tls.cipher,
        ...(tls.peerFingerprint !== undefined && { fingerprint: tls.peerFingerprint }),
        ...(tls.peerVerified !== undefined && { verified: tls.peerVerified }),
      },
      sasl: this.sasl,
      sender: transaction?.sender,
      recipient: undefined,
      recipientCount: transaction?.recipients.length ?? 0,
      sizeOctets: transaction?.submission?.sizeOctets ?? transaction?.parameters.sizeOctets ?? 0,
      queueId: transaction?.queueId,
      pendingInput: !this.#input.empty,
      memory: this.memory,
    }
  }

  get tlsRequired(): boolean {
    return this.connection.tls === undefined && tlsLevel(this.deps.cf) === 'encrypt'
  }

  reply(reply: Reply): void {
    this.connection.write(printReply(reply))
  }

  /** Throws the verdict's reply, if it has one; keeps its effects for the message. */
  obey(verdict: Verdict): void {
    if (verdict.reply !== undefined) throw new VerdictError(verdict, verdict.reply)
    this.transaction?.effects.push(...verdict.effects)
  }

  reject(where: string, reply: Reply, recipient?: string): void {
    const text = `${reply.code} ${reply.enhanced === undefined ? '' : reply.enhanced + ' '}${reply.lines.join(' ')}`
    const { transaction, protocol, helo } = this
    const { queueId, sender } = transaction ?? { queueId: undefined, sender: undefined }
    publish<SmtpdEvent>({ event: 'smtpd.reject', ...this.who, where, queueId, text, sender, recipient, protocol, helo })
  }

  publishTls(): void {
    const { tls } = this.connection
    if (tls === undefined) return
    const { protocol, cipher, bits } = tls
    publish<SmtpdEvent>({ event: 'smtpd.tls', ...this.who, protocol, cipher, bits })
  }

  /** Asks for a line beyond the command's (AUTH): undefined when the client is gone. */
  nextLine(limit: number): Promise<string | undefined> {
    this.#input.limit = limit
    const line = this.#input.line()
    if (line !== undefined) return Promise.resolve(this.#asResponse(line))
    if (this.#closed) return Promise.resolve(undefined)
    this.connection.resume()
    return new Promise((resolve) => (this.#awaited = resolve))
  }

  #asResponse(line: Buffer): string {
    this.#input.limit = this.deps.cf.line_length_limit
    return line.toString('latin1')
  }

  /** Forgets the transaction; a message half read goes with it. */
  reset(): void {
    this.transaction?.submission?.abort()
    this.transaction = undefined
    this.bdatReader = undefined
  }

  /** STARTTLS: what came in plain behind it is dropped, and what was learned in plain is forgotten. RFC 3207 §4.2. */
  forget(): void {
    this.#input.clear()
    this.reset()
    this.helo = undefined
    this.esmtp = false
    this.sasl = undefined
  }

  /** Ends the session once what was said has left. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#gone.abort()
    this.#awaited?.(undefined)
    this.reset()
    publish<SmtpdEvent>({ event: 'smtpd.disconnect', ...this.who, counts: this.counts.toString() })
    this.connection.end()
  }

  #take(chunk: Buffer): void {
    this.connection.idleAfter(this.deps.cf.smtpd_timeout)
    this.#input.push(chunk)
    if (this.#awaited !== undefined) {
      const line = this.#input.line()
      if (line === undefined) return
      const resolve = this.#awaited
      this.#awaited = undefined
      resolve(this.#asResponse(line))
    } else if (!this.#running) {
      void this.#run()
    } else if (this.#input.size > INPUT_LIMIT) {
      this.connection.pause()
    }
  }

  async #run(): Promise<void> {
    this.#running = true
    while (!this.#closed) {
      if (this.errors >= this.deps.cf.smtpd_hard_error_limit) {
        this.#tooManyErrors()
        break
      }
      if (this.content !== undefined) {
        if (this.#input.empty) break
        await this.#feed(this.content)
      } else {
        const line = this.#input.line()
        if (line === undefined) break
        await this.#command(line)
      }
    }
    this.#running = false
    if (!this.#closed) this.connection.resume()
    else if (!this.connection.closed) this.connection.end()
  }

  async #feed(content: DataContent | ChunkContent): Promise<void> {
    const chunk = this.#input.takeAll()
    const taken = await content.push(chunk)
    this.#input.unshift(chunk.subarray(taken.used))
    if (!taken.done) return
    this.content = undefined
    await this.#guarded(content.kind === 'data' ? 'DATA' : 'BDAT', 'END-OF-MESSAGE', () => endContent(this, content))
  }

  async #command(line: Buffer): Promise<void> {
    const text = line.toString(line.some((octet) => octet > 0x7f) ? 'utf8' : 'latin1')
    const [, verb = '', rest = ''] = /^\s*(\S*)\s*([^]*?)\s*$/.exec(text) ?? []
    const name = verb.toUpperCase()
    if (name === '') {
      await this.#guarded('', 'UNKNOWN', () => {
        throw new SmtpError(500, '5.5.2', 'Error: bad syntax')
      })
      return
    }
    const row = commands.get(name)
    await this.#guarded(name, row === undefined ? 'UNKNOWN' : name, () => this.#dispatch(row, name, rest, text))
  }

  #dispatch(row: Row | undefined, name: string, rest: string, text: string): void | Promise<void> {
    const { cf } = this.deps
    if (cf.smtpd_noop_commands.some((word) => word.toUpperCase() === name))
      return this.reply({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })
    if (row === undefined) return this.#unknown(name, text)
    if (this.tlsRequired && row.beforeTls !== true)
      throw new SmtpError(530, '5.7.0', 'Must issue a STARTTLS command first')
    if (row.junk === true && this.junk++ > cf.smtpd_junk_command_limit) this.errors++
    return row.run(this, rest)
  }

  #unknown(name: string, text: string): void {
    const forbidden = this.deps.cf.smtpd_forbidden_commands.some((word) => word.toUpperCase() === name)
    if (!forbidden && /^[A-Za-z]/.test(text)) throw new SmtpError(500, '5.5.2', 'Error: command not recognized')
    const said = text.slice(0, 100)
    publish<SmtpdEvent>({
      event: 'smtpd.warning',
      ...this.who,
      text: `non-SMTP command from ${this.client.name}[${this.client.address}]: ${said}`,
    })
    this.counts.add('unknown', false)
    this.reply({ code: 221, enhanced: '2.7.0', lines: ['Error: I can break rules, too. Goodbye.'] })
    this.close()
  }

  /** The one place that turns errors into replies. */
  async #guarded(verb: string, where: string, work: () => void | Promise<void>): Promise<void> {
    this.#where = where
    const errorsBefore = this.errors
    try {
      await work()
      if (!this.#closed && where !== 'END-OF-MESSAGE') this.counts.add(verb, this.errors === errorsBefore)
    } catch (error) {
      if (where !== 'END-OF-MESSAGE') this.counts.add(verb, false)
      await this.#refuse(error)
    }
  }

  async #refuse(error: unknown): Promise<void> {
    if (this.#closed) return
    if (!(error instanceof SmtpError)) publish<SmtpdEvent>({ event: 'smtpd.defect', ...this.who, error })
    const reply: Reply =
      error instanceof SmtpError ? error.reply : { code: 451, enhanced: '4.3.0', lines: ['Error: internal error'] }
    this.errors++
    const { smtpd_soft_error_limit, smtpd_error_sleep_time } = this.deps.cf
    if (this.errors > smtpd_soft_error_limit && smtpd_error_sleep_time > 0) {
      await sleep(smtpd_error_sleep_time, undefined, { signal: this.#gone.signal }).catch(() => {})
    }
    this.reply(reply)
    const hangUp = error instanceof VerdictError && error.verdict.disconnect === true
    if (hangUp || reply.code === 421 || reply.code === 521) this.close()
  }

  #tooManyErrors(): void {
    this.reply({ code: 421, enhanced: '4.7.0', lines: [`${this.deps.cf.myhostname} Error: too many errors`] })
    this.#ended('too many errors')
    this.close()
  }

  #ended(what: string): void {
    publish<SmtpdEvent>({
      event: 'smtpd.ended',
      ...this.who,
      what,
      where: this.content === undefined ? this.#where : 'DATA',
    })
  }

  #lost(): void {
    if (this.#closed) return
    const finish = (): void => {
      if (this.#closed) return
      if (!this.counts.toString().includes('quit=')) this.#ended('lost connection')
      this.close()
    }
    // What was asked before the client closed its side is still answered.
    if (this.#running && !this.connection.closed) {
      const wait = setInterval(() => {
        if (this.#running) return
        clearInterval(wait)
        finish()
      }, 5)
      this.#awaited?.(undefined)
    } else finish()
  }

  #timedOut(): void {
    if (this.#closed) return
    this.reply({ code: 421, enhanced: '4.4.2', lines: [`${this.deps.cf.myhostname} Error: timeout exceeded`] })
    this.#ended('timeout')
    this.close()
  }
}

/** A restriction's reply: policy has published it already. */
export class VerdictError extends SmtpError {
  readonly verdict: Verdict

  constructor(verdict: Verdict, reply: Reply) {
    super(reply.code, reply.enhanced, reply.lines[0] ?? '')
    this.verdict = verdict
  }
}
