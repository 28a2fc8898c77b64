/**
 * What one SMTP session knows, and how it speaks. The dialogue itself is in dialogue.ts, the commands in commands/.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '#src/base/mod.ts'
import { printReply, type Reply, SmtpError } from '../../formats/smtp/mod.ts'
import type { Connection, TlsFacts } from '../../io/net/mod.ts'
import type { Maps } from '../../io/tables/mod.ts'
import type { Visit } from '../../mail/logins/mod.ts'
import type { Milters, PolicyMemory, SessionFacts, Verdict } from '../../mail/policy/mod.ts'
import { CommandCounts } from './counts.ts'
import { type SmtpdDeps, tlsLevel } from './deps.ts'
import type { SmtpdEvent, SmtpdEventFacts, TransactionEventFacts } from './events.ts'
import { footed } from './footer.ts'
import { SessionHistory } from './history.ts'
import { Input } from './input.ts'
import type { Lists } from './lists.ts'
import { type ClientRates, rateKey, type RateKind } from './rates.ts'
import { IDLE, type Phase, type Transaction, transactionOf } from './transaction.ts'

/** What all sessions of a listener share. */
export interface Shared {
  readonly deps: SmtpdDeps
  readonly lists: Lists
  readonly rates: ClientRates
}

type ClientFacts = SessionFacts['client']

/** What XFORWARD said of the message's way. */
export interface Forwarded {
  readonly name?: string
  readonly address?: string
  readonly port?: number
  readonly protocol?: string
  readonly helo?: string
  readonly ident?: string
  /** SOURCE=LOCAL: the message began here, and its headers are ours. */
  readonly local?: boolean
}

export class Session {
  readonly shared: Shared
  readonly connection: Connection
  readonly input: Input
  readonly memory: PolicyMemory
  readonly counts = new CommandCounts()
  /** For the postmaster; undefined where nobody is told. */
  readonly history: SessionHistory | undefined
  /** Who may log in, as it is counted; undefined where nobody does. */
  readonly visit: Visit | undefined
  /** Who speaks, or for whom (XCLIENT). */
  client: ClientFacts
  /** Who is connected: decides about XCLIENT and the rates. */
  peer: { readonly name: string; readonly address: string }
  /** Who is at the other end of the connection, whatever XCLIENT said: decides about XFORWARD. */
  origin: { readonly name: string; readonly address: string }
  helo: string | undefined
  esmtp = false
  sasl: SessionFacts['sasl']
  /** Of who logged in, where it is one. */
  account: number | undefined
  phase: Phase = IDLE
  forwarded: Forwarded | undefined
  /** smtpd_delay_reject = no, and the client was refused at its greeting: it may only QUIT. */
  denied = false
  /** undefined where there are none for this client. */
  milters: Milters | undefined
  /** They know of a message that is not over. */
  milterMessage = false
  /** Whom RCPT names while milters are told, and why they are refused. */
  milterRecipient: { readonly address: string; readonly refusal?: string } | undefined
  /** Connections of this client; 0 where they are not counted. */
  connections = 0
  /** The last command, as `lost connection after` says it. */
  where = 'CONNECT'
  errors = 0
  /** Commands that brought nothing forward since the last message. */
  junk = 0
  /** False: the session ends once what was said has left. */
  open = true
  /** How often the reply to the command in progress is said: LMTP answers the end of a message for each recipient. */
  repliesDue = 1
  /** The rates count this client. */
  counted = false
  /** smtpd_forbid_bare_newline, as it holds for this client. */
  bareNewline: 'normalize' | 'reject' | 'note' | 'no' = 'normalize'
  #out = ''

  constructor(shared: Shared, connection: Connection) {
    this.shared = shared
    this.connection = connection
    const { cf, clock, policy } = shared.deps
    this.memory = policy.session()
    this.history = shared.deps.tellPostmaster === undefined ? undefined : new SessionHistory()
    const { address, port } = connection.remote
    this.client = { address, port, name: 'unknown', reverseName: 'unknown', nameStatus: 'permanent' }
    this.peer = this.origin = { name: 'unknown', address }
    this.visit = shared.deps.door?.visit(() => ({ ...this.client, tls: this.tls?.protocol }))
    if (this.visit !== undefined) connection.whenClosed(() => this.visit?.gone())
    this.input = new Input(connection, {
      timeoutMs: cf.smtpd_timeout,
      octetsPerSecond: cf.smtpd_per_request_deadline ? cf.smtpd_min_data_rate : undefined,
      now: () => clock.monotonic(),
      beforeWait: () => this.flush(),
    })
  }

  get deps(): SmtpdDeps {
    return this.shared.deps
  }
  get cf(): SmtpdDeps['cf'] {
    return this.shared.deps.cf
  }
  get tls(): TlsFacts | undefined {
    return this.connection.tls
  }
  get transaction(): Transaction | undefined {
    return transactionOf(this.phase)
  }
  /** `name[address]`, with `:port` where smtpd_client_port_logging says so. */
  get nameAddress(): string {
    const { name, address, port } = this.client
    return `${name}[${address}]${this.cf.smtpd_client_port_logging ? `:${port}` : ''}`
  }
  /** Under what a client is counted. */
  rateKey({ address }: { readonly address: string }): string {
    const { smtpd_client_ipv4_prefix_length: ipv4, smtpd_client_ipv6_prefix_length: ipv6 } = this.cf
    return rateKey(address, { ipv4, ipv6 })
  }
  get tlsRequired(): boolean {
    return this.tls === undefined && tlsLevel(this.cf) === 'encrypt'
  }

  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `UTF8SMTPSA`, `LMTP`. RFC 3848, RFC 6531 §4.3. */
  get protocol(): string {
    const utf8 = this.transaction?.parameters.smtpUtf8 === true
    if (this.deps.lmtp !== undefined) return utf8 ? 'UTF8LMTP' : 'LMTP'
    if (!this.esmtp) return 'SMTP'
    const base = utf8 ? 'UTF8SMTP' : 'ESMTP'
    return base + (this.tls === undefined ? '' : 'S') + (this.sasl === undefined ? '' : 'A')
  }

  /** What policy is asked with; `recipient` where there is one. */
  facts(recipient?: string): SessionFacts {
    const { transaction, phase, tls } = this
    const submission = phase.name === 'content' ? phase.submission : undefined
    return {
      client: this.client,
      helo: this.helo,
      protocol: this.esmtp ? 'ESMTP' : 'SMTP',
      tls: tls && {
        protocol: tls.protocol,
        cipher: tls.cipher,
        ...(tls.peerFingerprint !== undefined && { fingerprint: tls.peerFingerprint }),
        ...(tls.peerKeyFingerprint !== undefined && { keyFingerprint: tls.peerKeyFingerprint }),
        ...(tls.peerVerified !== undefined && { verified: tls.peerVerified }),
      },
      sasl: this.sasl,
      sender: transaction?.sender,
      recipient: recipient ?? (transaction?.recipients.length === 1 ? transaction.recipients[0]?.address : undefined),
      recipientCount: transaction?.recipients.length ?? 0,
      sizeOctets: submission?.sizeOctets ?? transaction?.parameters.sizeOctets ?? 0,
      queueId: transaction?.queueId,
      pendingInput: !this.input.empty,
      memory: this.memory,
    }
  }

  /** Says a reply; a client with many errors behind it waits for each. It leaves with the next `flush`. */
  say(reply: Reply): void | Promise<void> {
    const { smtpd_reject_footer: footer } = this.cf
    const { footers } = this.shared.lists
    const said = this.#fit(reply)
    this.history?.said(said, this.where)
    if (said.code < 400) return this.#say(printReply(said))
    if (footers !== undefined) return this.#sayWith(footers, said)
    return this.#say(printReply(footer === '' ? said : footed(said, footer, this)))
  }

  /** smtpd_reject_footer_maps. */
  async #sayWith(footers: Maps, reply: Reply): Promise<void> {
    const { smtpd_reject_footer } = this.cf
    const whole = printReply(reply).trimEnd()
    const footer = (await footers.find(whole))?.result ?? smtpd_reject_footer
    await this.#say(footer === '' ? `${whole}\r\n` : printReply(footed(reply, footer, this)))
  }

  #say(text: string): void | Promise<void> {
    const { smtpd_soft_error_limit, smtpd_error_sleep_time } = this.cf
    if (this.errors < smtpd_soft_error_limit || smtpd_error_sleep_time === 0) this.#out += text
    else return this.#sayLater(text, smtpd_error_sleep_time)
  }

  /** soft_bounce, and no UTF-8 for whom it is switched off. */
  #fit(reply: Reply): Reply {
    if (reply.code < 400) return reply
    const { soft_bounce, smtputf8_enable } = this.cf
    const { code, enhanced } = reply
    const soft = soft_bounce && code >= 500
    return {
      code: soft ? code - 100 : code,
      // The pattern stays that of an enhanced status.
      ...(enhanced && { enhanced: soft ? (enhanced.replace(/^5/, '4') as typeof enhanced) : enhanced }),
      lines: smtputf8_enable
        ? reply.lines
        : reply.lines.map((line) =>
            Buffer.from(line)
              .toString('latin1')
              .replace(/[^\0-\x7f]/g, ' '),
          ),
    }
  }

  async #sayLater(text: string, delayMs: number): Promise<void> {
    await this.flush()
    await sleep(delayMs, undefined, { ref: false })
    this.#out += text
  }

  /** Lets leave what was said: before each wait, so that replies to pipelined commands go together (RFC 2920 §3.2). */
  flush(): void | Promise<void> {
    if (this.#out === '') return
    const text = this.#out
    this.#out = ''
    if (!this.connection.write(text)) return this.input.drained()
  }

  publish(event: SmtpdEventFacts): void {
    const { name: clientName, address: clientAddress, port: clientPort } = this.client
    const { syslog_name: syslogName, smtpd_client_port_logging } = this.cf
    const port = smtpd_client_port_logging ? { clientPort } : {}
    const service = this.deps.lmtp === undefined ? {} : { service: 'lmtpd' as const }
    publish<SmtpdEvent>({ ...event, syslogName, clientName, clientAddress, ...port, ...service })
  }

  warn(text: string): void {
    this.publish({ event: 'smtpd.warning', text })
  }

  /** smtpd's own refusal, for the log; makes the error to throw. */
  refusal(where: string, error: SmtpError, recipient?: string): SmtpError {
    const { code, enhanced, lines } = error.reply
    this.reject(where, `${code} ${enhanced === undefined ? '' : enhanced + ' '}${lines.join(' ')}`, recipient)
    return error
  }

  reject(where: string, text: string, recipient?: string): void {
    this.publishOf({ event: 'smtpd.reject', where, queueId: this.transaction?.queueId, text, recipient })
  }

  /** What was said of a transaction: with its sender, and how the client speaks. */
  publishOf(event: TransactionEventFacts): void {
    const { transaction, helo } = this
    const protocol = this.deps.lmtp === undefined ? (this.esmtp ? 'ESMTP' : 'SMTP') : 'LMTP'
    this.publish({ ...event, sender: transaction?.sender, protocol, helo })
  }

  /** Tells the postmaster of what was said so far, if it is more than so many lines and had errors; it is forgotten then. */
  tellPostmaster(threshold: number): void {
    if (this.history === undefined || this.history.length <= threshold) return
    const transcript = this.history.take(this.nameAddress)
    if (transcript.classes.size > 0) this.deps.tellPostmaster?.(transcript)
  }

  /** Throws the verdict's reply, if it has one; keeps its effects for the message. */
  obey(verdict: Verdict): void {
    if (verdict.reply !== undefined) throw new VerdictError(verdict, verdict.reply)
    if (verdict.effects.length > 0) this.transaction?.effects.push(...verdict.effects)
  }

  /** Counts one more of a kind; true, with a warning in the log, where that is too many. */
  overRate(kind: RateKind, limit: number): boolean {
    if (limit === 0 || !this.counted) return false
    const count = this.shared.rates.count(kind, this.rateKey(this.peer))
    if (count <= limit) return false
    this.warn(
      `${RATE_NAMES[kind]} rate limit exceeded: ${count} from ${this.nameAddress} for service ${this.deps.serviceName ?? 'smtp'}`,
    )
    return true
  }

  /** Forgets the transaction; a message half read goes with it. */
  reset(): void {
    if (this.phase.name === 'content') this.phase.submission.abort()
    this.transaction?.filter?.close()
    this.phase = IDLE
    if (this.milterMessage) this.milters?.abort()
    this.milterMessage = false
  }

  /** STARTTLS and XCLIENT: the session begins anew. RFC 3207 §4.2. */
  restart(): void {
    if (this.helo !== undefined) this.milters?.abort()
    this.reset()
    this.helo = undefined
    this.esmtp = false
    this.sasl = undefined
    this.account = undefined
    this.forwarded = undefined
  }
}

const RATE_NAMES: Readonly<Record<RateKind, string>> = {
  connection: 'Connection',
  message: 'Message delivery request',
  recipient: 'Recipient address',
  auth: 'AUTH command',
  tls: 'New TLS session',
}

/** A restriction's reply: policy has published it already. */
export class VerdictError extends SmtpError {
  readonly verdict: Verdict

  constructor(verdict: Verdict, reply: Reply) {
    super(reply.code, reply.enhanced, reply.lines.join(' '))
    this.verdict = verdict
  }
}

/** The refusal of somebody else than policy, with all its lines. */
export function errorSaying(reply: Reply): VerdictError {
  return new VerdictError({ reply, effects: [], path: [] }, reply)
}

/** A refusal that does not count as the client's error. */
export class ExcusedError extends SmtpError {}

export function bareNewlineError({ cf }: Session): SmtpError {
  const code = cf.smtpd_forbid_bare_newline_reject_code
  return new SmtpError(code, '5.5.2', `${cf.myhostname} Error: bare <LF> received`)
}
