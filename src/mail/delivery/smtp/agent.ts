/** Mail to other servers by SMTP and LMTP: which servers, in what order, and what becomes of each recipient. Postfix: smtp(8). */
import { resolve as resolvePath } from 'node:path'
import { publish } from '#src/base/mod.ts'
import { type Config, splitList } from '../../../io/config/mod.ts'
import type { Resolver } from '../../../io/dns/mod.ts'
import { connect, systemText } from '../../../io/net/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { Agent, DeliveryJob, DeliveryTimes, RecipientResult } from '../../queue/mod.ts'
import { Dialogue, DialogueError } from './dialogue.ts'
import type { ClientEvent } from './events.ts'
import { lastResort, type LastSite } from './last-resort.ts'
import { type ClientSettings, clientSettings } from './params.ts'
import type { GenericPort } from './outgoing.ts'
import { HandshakeError, openSession, SiteError } from './session.ts'
import { filteredDns } from './filtered-dns.ts'
import { findTargets, parseNexthop, type Target } from './targets.ts'
import { TlsFiles } from './tls-files.ts'
import { type TlsPolicy, tlsPolicy, TlsPolicyError } from './tls-policy.ts'
import { type Recipient, sendMessage } from './transaction.ts'
import { brokenOff, deferred, type Failure } from './words.ts'

export interface SmtpAgentDeps {
  /** Of the transport: main.cf with the `-o` of its line in master.cf. */
  readonly config: (transport: string) => Config
  readonly protocol: (transport: string) => 'smtp' | 'lmtp'
  readonly tables: () => Tables
  readonly dns: Resolver
  readonly isOwnAddress: (address: string) => boolean
  /** Hands mail to another transport's agent (best_mx_transport). */
  readonly pass: Agent['deliver']
  /** Files of main.cf that the launcher read for this process. */
  readonly handed: () => ReadonlyMap<string, string>
  readonly generic: GenericPort
  readonly now: () => number
}

type Report = Parameters<Agent['deliver']>[1]

/** A server, or a unix socket. */
type Place = Target | { readonly host: string; readonly path: string; readonly shown: string }

export function createSmtpAgent(deps: SmtpAgentDeps): Agent {
  const tlsFiles = new TlsFiles(deps.handed)
  return {
    deliver: (job, report, signal) => new Delivery(deps, tlsFiles, job, report, signal).run(),
  }
}

class Delivery {
  readonly #deps: SmtpAgentDeps
  readonly #tlsFiles: TlsFiles
  readonly #job: DeliveryJob
  readonly #report: Report
  readonly #signal: AbortSignal
  readonly #protocol: 'smtp' | 'lmtp'
  readonly #cf: ClientSettings
  /** Recipients whose fate is open. */
  readonly #left: Map<number, Recipient>
  readonly #startedMs = performance.now()
  #readyMs: number | undefined
  #last: Failure = deferred('4.4.1', 'no server could be reached')
  #relay = 'none'

  constructor(deps: SmtpAgentDeps, tlsFiles: TlsFiles, job: DeliveryJob, report: Report, signal: AbortSignal) {
    this.#deps = deps
    this.#tlsFiles = tlsFiles
    this.#job = job
    this.#report = report
    this.#signal = signal
    this.#protocol = deps.protocol(job.transport)
    this.#cf = clientSettings(deps.config(job.transport), this.#protocol)
    this.#left = new Map(job.recipients.map((recipient) => [recipient.id, recipient]))
  }

  async run(): Promise<void> {
    const { nexthop, transport } = this.#job
    const named = nexthop.startsWith('unix:') ? [nexthop] : splitList(nexthop)
    const sites = [...named, ...this.#cf.smtp_fallback_relay]
    for (const [i, site] of sites.entries()) {
      const goesOn = await this.#tryEach(site, i === sites.length - 1)
      if (this.#left.size === 0 || this.#signal.aborted) return
      const isLast = !goesOn || i === sites.length - 1
      if (isLast)
        return this.#giveUp({ site, isFallback: i >= named.length, nexthop, transport, protocol: this.#protocol })
    }
  }

  async #giveUp(last: LastSite): Promise<void> {
    const end = lastResort(this.#last, last, this.#cf)
    if ('transport' in end) {
      const recipients = [...this.#left.values()]
      return this.#deps.pass({ ...this.#job, ...end, recipients }, this.#report, this.#signal)
    }
    if (end.warning !== undefined) this.#note(end.warning)
    for (const { id } of this.#left.values()) this.#report(id, end.failure, this.#relay, this.#times())
  }

  /** The servers of one nexthop in turn. False: no other nexthop is to be tried. */
  async #tryEach(site: string, isLastSite: boolean): Promise<boolean> {
    const found = await this.#placesOf(site)
    if (!Array.isArray(found)) {
      this.#last = found
      this.#relay = 'none'
      return found.dsn !== '5.4.6' // what loops is not for a fall-back relay
    }
    const limit = this.#cf.smtp_mx_session_limit
    let sessions = 0
    for (const [i, place] of found.entries()) {
      if (this.#left.size === 0 || this.#signal.aborted) return false
      if (limit > 0 && sessions >= limit) break
      const isFinal = isLastSite && (i === found.length - 1 || (limit > 0 && sessions + 1 >= limit))
      if (await this.#tryPlace(place, site, isFinal)) sessions++
    }
    return true
  }

  async #placesOf(site: string): Promise<Place[] | Failure> {
    const { config, dns, isOwnAddress, tables } = this.#deps
    const lmtp = this.#protocol === 'lmtp'
    if (lmtp && site.startsWith('unix:')) {
      const shown = site.slice('unix:'.length)
      const path = resolvePath(config(this.#job.transport).value('queue_directory') ?? '/', shown)
      return [{ host: this.#cf.myhostname, path, shown }]
    }
    const nexthop = parseNexthop(site.replace(/^inet:/, ''), this.#cf.smtp_tcp_port)
    if (nexthop.port === 0) return deferred('4.3.5', `unknown service in next hop ${site}`)
    const found = await findTargets(nexthop, {
      cf: this.#cf,
      dns: filteredDns(dns, this.#cf, { protocol: this.#protocol, tables: tables() }),
      protocol: this.#protocol,
      isOwnAddress,
      note: (text) => this.#note(text),
    })
    return found.status === 'ok' ? [...found.targets] : { status: found.status, dsn: found.dsn, text: found.text }
  }

  /** Whether the server was talked to. */
  async #tryPlace(place: Place, site: string, isFinal: boolean): Promise<boolean> {
    const policy = await this.#policy(site, place.host)
    if (policy instanceof TlsPolicyError) {
      this.#fail(deferred(policy.dsn, policy.told), isFinal, 'none')
      return false
    }
    const first = await this.#session(place, site, isFinal, policy)
    if (first !== 'no-handshake') return first
    // Level may: what cannot be said in TLS is said without (Postfix: "smtp_tls_security_level = may").
    const plain = await this.#session(place, site, isFinal, { ...policy, level: 'none' })
    return plain === true
  }

  async #policy(nexthop: string, host: string): Promise<TlsPolicy | TlsPolicyError> {
    const { tables } = this.#deps
    try {
      const policy = await tlsPolicy(
        this.#cf,
        { nexthop, host, protocol: this.#protocol },
        { maps: (spec) => tables().maps(spec), anchors: (paths) => this.#tlsFiles.anchors(paths) },
      )
      if (policy.level === 'dane-only')
        throw new TlsPolicyError(`level dane-only for ${nexthop}: TLSA records are not looked up`)
      if (policy.level !== 'dane') return policy
      this.#note(`warning: ${nexthop}: TLSA records are not looked up; TLS security level dane is taken as may`)
      return { ...policy, level: 'may' }
    } catch (error) {
      if (!(error instanceof TlsPolicyError)) throw error
      this.#note(`warning: ${error.message}`)
      this.#note(`warning: TLS policy lookup for ${nexthop}/${host}: ${error.told}`)
      return error
    }
  }

  #note(text: string): void {
    publish<ClientEvent>({ event: 'client.note', protocol: this.#protocol, text })
  }

  /** A failure of a whole server: permanent ones end the recipients, others are for the next server to mend. */
  #fail(failure: Failure, isFinal: boolean, relay: string): void {
    this.#last = failure
    this.#relay = relay
    if (failure.status === 'bounced')
      for (const recipient of this.#left.values()) this.#settle(recipient, failure, true, relay)
    else if (!isFinal) this.#note(`${this.#job.queueId}: ${failure.text}`)
  }

  #settle(recipient: Recipient, result: RecipientResult, isFinal: boolean, relay: string): void {
    if (!this.#left.has(recipient.id)) return
    if (result.status === 'deferred' && !isFinal) {
      this.#last = result
      this.#relay = relay
      this.#note(`${this.#job.queueId}: ${result.text}`)
      return
    }
    this.#left.delete(recipient.id)
    this.#report(recipient.id, result, relay, this.#times())
  }

  #times(): DeliveryTimes {
    const readyMs = this.#readyMs ?? performance.now()
    return { setupMs: readyMs - this.#startedMs, transferMs: performance.now() - readyMs }
  }

  async #session(place: Place, site: string, isFinal: boolean, policy: TlsPolicy): Promise<boolean | 'no-handshake'> {
    const address = 'path' in place ? place.shown : place.address
    const name = `${place.host}[${address}]`
    const nameAndPort = 'path' in place ? name : `${name}:${place.port}`
    let dialogue: Dialogue
    try {
      dialogue = new Dialogue(await this.#connect(place))
    } catch (error) {
      this.#fail(deferred('4.4.1', `connect to ${nameAndPort}: ${systemText(error)}`), isFinal, 'none')
      return false
    }
    const stop = (): void => dialogue.connection.destroy()
    this.#signal.addEventListener('abort', stop, { once: true })
    try {
      const { tables, generic } = this.#deps
      const peer = { host: place.host, domain: parseNexthop(site, this.#cf.smtp_tcp_port).host }
      const common = { protocol: this.#protocol, cf: this.#cf, name }
      const keywords = await openSession(dialogue, {
        ...common,
        tables: tables(),
        tlsFiles: this.#tlsFiles,
        policy,
        peer,
        nameAndPort,
        address: 'path' in place ? '' : address,
        nexthop: site,
        sender: this.#job.sender,
        queueId: this.#job.queueId,
        ageMs: this.#deps.now() - this.#job.arrivalMs,
      })
      this.#readyMs = performance.now()
      await sendMessage(dialogue, {
        ...common,
        keywords,
        tables: tables(),
        generic,
        job: this.#job,
        recipients: [...this.#left.values()],
        settle: (recipient, result) => this.#settle(recipient, result, isFinal, nameAndPort),
      })
    } catch (error) {
      if (error instanceof HandshakeError && policy.level === 'may' && !this.#cf.smtp_tls_wrappermode)
        return 'no-handshake'
      if (error instanceof SiteError) this.#fail(error.failure, isFinal, nameAndPort)
      else if (error instanceof DialogueError) this.#fail(brokenOff(error, dialogue, name), isFinal, nameAndPort)
      else throw error
    } finally {
      this.#signal.removeEventListener('abort', stop)
      dialogue.quit()
    }
    return true
  }

  #connect(place: Place): ReturnType<typeof connect> {
    const { smtp_connect_timeout, smtp_bind_address, smtp_bind_address6 } = this.#cf
    const timeoutMs = smtp_connect_timeout === 0 ? NO_LIMIT_MS : smtp_connect_timeout
    if ('path' in place) return connect({ to: { path: place.path }, timeoutMs })
    const local = place.address.includes(':') ? smtp_bind_address6 : smtp_bind_address
    return connect({ to: place, timeoutMs, ...(local !== '' && { localAddress: local }) })
  }
}

/** A connect time of 0 leaves it to the system, which gives up by itself. */
const NO_LIMIT_MS = 900_000
