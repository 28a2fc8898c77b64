/** Mail to other servers by SMTP. RFC 5321 §3.3, §4.5.4; texts as Postfix's smtp(8) logs them. */
import { encodeXtext, parseKeywords, type Reply } from '../../formats/smtp/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Resolver } from '../../io/dns/mod.ts'
import { connect } from '../../io/net/mod.ts'
import type { Agent, DeliveryJob, RecipientResult } from '../queue/mod.ts'
import type { deliveryParams } from './params.ts'
import { RemoteError, SmtpSession } from './smtp-session.ts'
import { findTargets, type Target } from './targets.ts'

export interface SmtpAgentDeps {
  readonly cf: () => Settings<typeof deliveryParams>
  readonly dns: Resolver
}

type Report = Parameters<Agent['deliver']>[1]
type Keywords = ReadonlyMap<string, readonly string[]>

const PIECE = 256 * 1024

export function createSmtpAgent(deps: SmtpAgentDeps): Agent {
  return { deliver: (job, report, signal) => new SmtpDelivery(deps, job, report, signal).run() }
}

class SmtpDelivery {
  readonly #deps: SmtpAgentDeps
  readonly #job: DeliveryJob
  readonly #report: Report
  readonly #signal: AbortSignal

  constructor(deps: SmtpAgentDeps, job: DeliveryJob, report: Report, signal: AbortSignal) {
    this.#deps = deps
    this.#job = job
    this.#report = report
    this.#signal = signal
  }

  async run(): Promise<void> {
    const found = await findTargets(this.#job.nexthop, this.#deps.dns, this.#deps.cf().myhostname)
    if (found.status !== 'ok') {
      this.#all({ status: found.status, dsn: found.dsn, text: found.text }, 'none')
      return
    }
    let last = 'no server could be reached'
    let relay = 'none'
    for (const target of found.targets) {
      if (this.#signal.aborted) return
      relay = `${target.host}[${target.address}]:${target.port}`
      try {
        if (await this.#try(target, relay)) return
        last = `host ${target.host}[${target.address}] is not ready`
      } catch (error) {
        last = `connect to ${target.host}[${target.address}]:${target.port}: ${textOf(error)}`
      }
    }
    this.#all({ status: 'deferred', dsn: '4.4.1', text: last }, relay)
  }

  #all(result: RecipientResult, relay: string): void {
    for (const { id } of this.#job.recipients) this.#report(id, result, relay)
  }

  /** False: the server does not want to talk now, the next may. */
  async #try(target: Target, relay: string): Promise<boolean> {
    const { smtp_connect_timeout, smtp_bind_address, smtp_bind_address6 } = this.#deps.cf()
    const local = target.address.includes(':') ? smtp_bind_address6 : smtp_bind_address
    const connection = await connect({
      to: target,
      timeoutMs: smtp_connect_timeout,
      ...(local !== '' && { localAddress: local }),
    })
    const session = new SmtpSession(connection)
    const stop = (): void => connection.destroy()
    this.#signal.addEventListener('abort', stop, { once: true })
    try {
      const keywords = await this.#greet(session, target)
      if (keywords === undefined) return false
      await this.#transaction(session, keywords, relay)
      return true
    } finally {
      this.#signal.removeEventListener('abort', stop)
      session.quit()
    }
  }

  async #greet(session: SmtpSession, target: Target): Promise<Keywords | undefined> {
    const { smtp_helo_timeout, smtp_helo_name, smtp_tls_security_level: level } = this.#deps.cf()
    const greeting = await session.reply(smtp_helo_timeout)
    if (greeting.code !== 220) return undefined
    let keywords = await this.#ehlo(session, smtp_helo_name, smtp_helo_timeout)
    if (keywords === undefined || level === '' || level === 'none') return keywords
    if (!keywords.has('STARTTLS')) {
      if (level === 'encrypt') throw new RemoteError('TLS is required, but was not offered')
      return keywords
    }
    const go = await session.ask('STARTTLS', smtp_helo_timeout)
    if (go.code !== 220) {
      if (level === 'encrypt') throw new RemoteError('TLS is required, but the server refuses to start it')
      return keywords
    }
    await session.startTls(target.host, smtp_helo_timeout)
    keywords = await this.#ehlo(session, smtp_helo_name, smtp_helo_timeout)
    return keywords
  }

  async #ehlo(session: SmtpSession, name: string, timeoutMs: number): Promise<Keywords | undefined> {
    const ehlo = await session.ask(`EHLO ${name}`, timeoutMs)
    if (ehlo.code === 250) return parseKeywords(ehlo)
    const helo = await session.ask(`HELO ${name}`, timeoutMs)
    return helo.code === 250 ? new Map() : undefined
  }

  async #transaction(session: SmtpSession, keywords: Keywords, relay: string): Promise<void> {
    const cf = this.#deps.cf()
    if (this.#job.smtpUtf8 && !keywords.has('SMTPUTF8')) {
      const text = `SMTPUTF8 is required, but was not offered by host ${relay.replace(/:\d+$/, '')}` // RFC 6531 §3.2
      this.#all({ status: 'bounced', dsn: '5.6.7', text }, relay)
      return
    }
    const mail = await session.ask(this.#mailCommand(keywords), cf.smtp_mail_timeout)
    if (mail.code !== 250) {
      this.#all(refused(mail, relay, 'MAIL FROM'), relay)
      return
    }
    const accepted = []
    for (const recipient of this.#job.recipients) {
      const reply = await session.ask(
        `RCPT TO:<${wire(recipient.address)}>${rcptParameters(recipient, keywords)}`,
        cf.smtp_rcpt_timeout,
      )
      const taken = reply.code >= 200 && reply.code < 300
      if (taken && this.#job.trace === 'verify')
        this.#report(recipient.id, { status: 'sent', dsn: reply.enhanced ?? '2.1.5', text: oneLine(reply) }, relay)
      else if (taken) accepted.push(recipient)
      else this.#report(recipient.id, refused(reply, relay, 'RCPT TO'), relay)
    }
    // Nobody was accepted, or it was only asked whether they would be.
    if (accepted.length === 0) return
    const data = await session.ask('DATA', cf.smtp_data_init_timeout)
    if (data.code !== 354) {
      for (const { id } of accepted) this.#report(id, refused(data, relay, 'DATA'), relay)
      return
    }
    await this.#content(session)
    const end = await session.ask('.', cf.smtp_data_done_timeout)
    const sent: RecipientResult = {
      status: 'sent',
      dsn: end.enhanced ?? '2.0.0',
      text: oneLine(end),
      dsnHandedOver: keywords.has('DSN'),
    }
    for (const { id } of accepted) this.#report(id, end.code === 250 ? sent : refused(end, relay, 'end of DATA'), relay)
  }

  #mailCommand(keywords: Keywords): string {
    const { sender, sizeOctets, body, smtpUtf8, ret, envid } = this.#job
    const words = [`MAIL FROM:<${wire(sender)}>`]
    if (keywords.has('SIZE')) words.push(`SIZE=${sizeOctets}`)
    if (keywords.has('8BITMIME') && body !== undefined) words.push(`BODY=${body}`)
    if (keywords.has('SMTPUTF8') && smtpUtf8) words.push('SMTPUTF8')
    if (keywords.has('DSN')) {
      if (ret !== undefined) words.push(`RET=${ret}`)
      if (envid !== undefined) words.push(`ENVID=${encodeXtext(envid)}`)
    }
    return words.join(' ')
  }

  /** Dots at line starts are doubled; a message without a last line end gets one. */
  async #content(session: SmtpSession): Promise<void> {
    let lineStart = true
    for (let at = 0; at < this.#job.sizeOctets;) {
      const piece = this.#job.read(at, Math.min(this.#job.sizeOctets, at + PIECE))
      if (piece.length === 0) throw new Error(`message ${this.#job.queueId} is shorter than its size`)
      at += piece.length
      await session.write(stuffed(piece, lineStart))
      lineStart = piece[piece.length - 1] === 0x0a
    }
    if (!lineStart) await session.write(Buffer.from('\r\n'))
  }
}

function stuffed(piece: Buffer, lineStart: boolean): Buffer {
  const parts: Buffer[] = []
  let from = 0
  if (lineStart && piece[0] === 0x2e) parts.push(Buffer.from('.'))
  for (let at = piece.indexOf('\n.'); at >= 0; at = piece.indexOf('\n.', at + 2)) {
    parts.push(piece.subarray(from, at + 2))
    from = at + 1
  }
  parts.push(piece.subarray(from))
  return parts.length === 1 ? piece : Buffer.concat(parts)
}

function rcptParameters(recipient: DeliveryJob['recipients'][number], keywords: Keywords): string {
  if (!keywords.has('DSN')) return ''
  const { notify, orcpt } = recipient
  const words: string[] = []
  if (notify !== undefined) words.push(`NOTIFY=${notify.join(',')}`)
  if (orcpt !== undefined) {
    const semicolon = orcpt.indexOf(';')
    words.push(`ORCPT=${orcpt.slice(0, semicolon)};${encodeXtext(orcpt.slice(semicolon + 1))}`)
  }
  return words.map((word) => ` ${word}`).join('')
}

/** A local part that is no dot-atom is quoted. RFC 5321 §4.1.2. */
function wire(address: string): string {
  const at = address.lastIndexOf('@')
  const local = at < 0 ? address : address.slice(0, at)
  if (local === '' || /^[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+(\.[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+)*$/.test(local))
    return address
  return `"${local.replace(/["\\]/g, '\\$&')}"${at < 0 ? '' : address.slice(at)}`
}

const oneLine = (reply: Reply): string =>
  `${reply.code} ${reply.enhanced === undefined ? '' : `${reply.enhanced} `}${reply.lines.join(' ')}`

function refused(reply: Reply, relay: string, command: string): RecipientResult {
  const status = reply.code >= 500 ? 'bounced' : 'deferred'
  const dsn = reply.enhanced ?? (reply.code >= 500 ? '5.0.0' : '4.0.0')
  const text = `host ${relay.replace(/:\d+$/, '')} said: ${oneLine(reply)} (in reply to ${command} command)`
  return { status, dsn, text, remoteMta: relay.replace(/\[.*$/, ''), remoteReply: oneLine(reply) }
}

function textOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'Connection refused',
    ETIMEDOUT: 'Connection timed out',
    EHOSTUNREACH: 'No route to host',
    ENETUNREACH: 'Network is unreachable',
  }
  return known[code] ?? (error instanceof Error ? error.message : String(error))
}
