/** One delivery: which servers, in what order, over which connections, and what becomes of each recipient. Postfix: smtp_connect.c. */
import { publish } from '#src/base/mod.ts'
import { splitList } from '../../../io/config/mod.ts'
import type { Resolver } from '../../../io/dns/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import type { Shared, SmtpAgentDeps } from './agent.ts'
import { clientDns } from './client-dns.ts'
import { open, type Opened } from './connecting.ts'
import { DialogueError } from './dialogue.ts'
import type { ClientEvent } from './events.ts'
import { Fates, type Report } from './fates.ts'
import type { TransportFlags } from './flags.ts'
import { KeptSessions } from './kept-sessions.ts'
import { lastResort, type LastSite } from './last-resort.ts'
import { type ClientSettings, clientSettings } from './params.ts'
import { type Place, placesOf, Walk } from './places.ts'
import { Security } from './security.ts'
import type { ServerSession } from './server-session.ts'
import { parseNexthop } from './targets.ts'
import { unlessStopped, untilStopped } from './stopping.ts'
import type { TlsPolicy } from './tls-policy.ts'
import { type Ending, type Recipient, sendMessage } from './transaction.ts'
import type { TellPostmaster } from './trouble.ts'
import { brokenOff, deferred, type Failure } from './words.ts'
import { sendXforward } from './xforward.ts'

type DeliveryDeps = SmtpAgentDeps & { readonly flags: TransportFlags }

export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #shared: Shared
  readonly #job: DeliveryJob
  readonly #report: Report
  readonly #signal: AbortSignal
  readonly #protocol: 'smtp' | 'lmtp'
  readonly #cf: ClientSettings
  /** Of the cache, as of these settings. */
  readonly #generation: number
  readonly #dns: Resolver
  readonly #security: Security
  readonly #fates: Fates
  readonly #tellPostmaster: TellPostmaster | undefined
  readonly #kept: KeptSessions

  constructor(deps: DeliveryDeps, shared: Shared, job: DeliveryJob, report: Report, signal: AbortSignal) {
    this.#deps = deps
    this.#shared = shared
    this.#job = job
    this.#report = report
    this.#signal = signal
    this.#protocol = deps.protocol(job.transport)
    this.#generation = shared.connections.generation
    this.#cf = clientSettings(deps.config(job.transport), this.#protocol)
    this.#tellPostmaster = deps.tellPostmaster(job.sender, deps.protocol(job.transport))
    this.#dns = clientDns(deps.dns, this.#cf, {
      probe: shared.probe,
      protocol: this.#protocol,
      tables: deps.tables(),
      note: (text) => this.#note(text),
    })
    this.#security = new Security({
      protocol: this.#protocol,
      cf: this.#cf,
      job,
      tables: deps.tables,
      tlsFiles: shared.tlsFiles,
      dns: this.#dns,
      sts: deps.sts,
      counts: deps.counts,
      now: deps.now,
      note: (text) => this.#note(text),
    })
    this.#kept = new KeptSessions({
      protocol: this.#protocol,
      cf: this.#cf,
      job,
      tables: deps.tables,
      cache: shared.connections,
      generation: this.#generation,
      signal,
      tlsNotRequired: this.#security.tlsNotRequired,
    })
    this.#fates = new Fates(job, report, (text) => this.#note(text))
  }

  get #isOver(): boolean {
    return this.#fates.isSettled || this.#signal.aborted
  }

  async run(): Promise<void> {
    const { smtp_sasl_type: type, smtp_sasl_auth_enable } = this.#cf
    if (!smtp_sasl_auth_enable || type === 'cyrus') return this.#trySites()
    this.#note(`warning: ${this.#protocol}_sasl_type: unsupported SASL client implementation: ${type}`)
    this.#fates.giveUp(deferred('4.3.0', 'unknown mail transport error'))
  }

  async #trySites(): Promise<void> {
    const { nexthop, transport } = this.#job
    const isSocket = this.#protocol === 'lmtp' && nexthop.startsWith('unix:')
    const { smtp_fallback_relay: fallback } = this.#cf
    if (isSocket && fallback.length > 0)
      this.#note(`warning: ignoring "lmtp_fallback_relay = ${fallback.join(', ')}" setting for non-TCP connections`)
    const named = isSocket ? [nexthop] : splitList(nexthop)
    const sites = isSocket ? named : [...named, ...fallback]
    for (const [i, site] of sites.entries()) {
      const goesOn = await this.#tryEach(site, i === 0, i === sites.length - 1)
      if (this.#isOver) return
      const isLast = !goesOn || i === sites.length - 1
      if (isLast)
        return this.#giveUp({ site, isFallback: i >= named.length, nexthop, transport, protocol: this.#protocol })
    }
  }

  async #giveUp(last: LastSite): Promise<void> {
    const end = lastResort(this.#fates.last, last, this.#cf)
    if ('transport' in end)
      return this.#deps.pass({ ...this.#job, ...end, recipients: this.#fates.open }, this.#report, this.#signal)
    if (end.warning !== undefined) this.#note(end.warning)
    this.#fates.giveUp(end.failure)
  }

  /** The servers of one nexthop in turn. False: no other nexthop is to be tried. */
  async #tryEach(site: string, isFirstSite: boolean, isLastSite: boolean): Promise<boolean> {
    const { config, isOwnAddress } = this.#deps
    const asked = placesOf(site, {
      protocol: this.#protocol,
      cf: this.#cf,
      queueDirectory: config(this.#job.transport).value('queue_directory') ?? '/',
      dns: this.#dns,
      ports: this.#shared.ports,
      isOwnAddress,
      note: (text) => this.#note(text),
    })
    const found = await unlessStopped(this.#signal, asked)
    if (found === undefined) return false
    if (!Array.isArray(found)) {
      this.#fates.last = found
      return found.dsn !== '5.4.6' // what loops is not for a fall-back relay
    }
    const walk = new Walk(site, found, this.#cf, isLastSite)
    const destination = site.startsWith('unix:') ? site.slice('unix:'.length) : this.#domainOf(site)
    if (isFirstSite) await unlessStopped(this.#signal, this.#kept.choose(site, destination))
    if (this.#kept.loads) {
      walk.leaveOut(this.#kept.used)
      await this.#reuseAny(walk)
    }
    for (let place; !this.#isOver && (place = walk.next()) !== undefined;) await this.#tryPlace(place, walk)
    return true
  }

  #domainOf(site: string): string {
    return parseNexthop(site.replace(/^inet:/, ''), this.#cf.smtp_tcp_port, this.#shared.ports).host
  }

  /** Open connections of the next hop, then of its best servers. */
  async #reuseAny(walk: Walk): Promise<void> {
    if (this.#isOver) return
    if (!walk.isEmpty) await this.#transferOver(await this.#kept.takeByDestination(), walk)
    for (const place of walk.best) {
      if (this.#isOver || walk.isEmpty) return
      const policy = await this.#policy(walk.site, place)
      if (policy === undefined) continue
      await this.#transferOver(await this.#kept.takeByServer(place, policy, walk.site), walk)
    }
  }

  async #transferOver(session: ServerSession | undefined, walk: Walk): Promise<void> {
    if (session === undefined) return
    walk.countReuse(session.facts.address)
    await this.#transfer(session, walk.isFinal)
  }

  async #tryPlace(place: Place, walk: Walk): Promise<void> {
    const policy = await this.#policy(walk.site, place)
    if (policy === undefined || this.#isOver) return
    let session: ServerSession | undefined
    if (this.#kept.loads && !walk.isBest(place)) session = await this.#kept.takeByServer(place, policy, walk.site)
    session ??= await this.#open(place, walk, policy)
    if (session === undefined) return
    walk.countSession()
    const mayGoPlain = session.facts.tls !== undefined && (await this.#mayGoPlain(walk, place, policy))
    if (typeof mayGoPlain !== 'boolean') {
      const { dialogue, name, nameAndPort } = session.facts
      void dialogue.quit()
      this.#fates.fail(mayGoPlain, walk.isFinal, nameAndPort)
      return this.#fates.trouble.tell(name, dialogue.record, this.#tellPostmaster)
    }
    const ending = await this.#transfer(session, walk.isFinal && !mayGoPlain)
    if (ending !== 'broken' || !mayGoPlain || this.#isOver) return
    const plain = await this.#open(place, walk, policy, true)
    if (plain !== undefined) await this.#transfer(plain, walk.isFinal)
  }

  /** @param withoutTls it was tried with TLS before: others are to try that again, so that the session is not for them */
  async #open(place: Place, walk: Walk, wanted: TlsPolicy, withoutTls = false): Promise<ServerSession | undefined> {
    const policy: TlsPolicy = withoutTls ? { ...wanted, level: 'none' } : wanted
    const opened = await this.#connect(place, walk, policy, this.#kept.stores && !withoutTls)
    if ('session' in opened) return opened.session
    // Level may: what cannot be said in TLS is said without (Postfix: "smtp_tls_security_level = may").
    const mayGoPlain = opened.handshake === true && (await this.#mayGoPlain(walk, place, policy))
    if (this.#isOver) return undefined // the connection ended with the stop: nothing is known of the server
    if (mayGoPlain === true) return this.#open(place, walk, policy, true)
    const failure = mayGoPlain === false ? opened.failure : mayGoPlain
    // A wish for TLS that failed is no word against the destination: the next attempt may do without.
    const isWish = opened.handshake === true && policy.level === 'may'
    this.#fates.fail({ ...failure, ...(isWish && { destinationDown: false }) }, walk.isFinal, opened.relay)
    this.#fates.trouble.tell(opened.relay.replace(/:\d+$/, ''), opened.record, this.#tellPostmaster)
    return undefined
  }

  #connect(place: Place, walk: Walk, policy: TlsPolicy, store: boolean): Promise<Opened> {
    const watches = this.#protocol === 'smtp' && 'port' in place && place.port === this.#shared.ports.of('smtp')
    return open({
      ...this.#shared,
      protocol: this.#protocol,
      transport: this.#job.transport,
      cf: this.#cf,
      tables: this.#deps.tables(),
      policy,
      peer: { host: place.host, domain: this.#domainOf(walk.site) },
      nexthop: walk.site,
      sender: this.#job.sender,
      queueId: this.#job.queueId,
      ageMs: this.#deps.now() - this.#job.arrivalMs,
      ...(watches && { loopWatch: { nexthop: this.#job.nexthop, isBest: walk.isBest(place) } }),
      place,
      serverKey: this.#kept.keyOf(place, policy, walk.site),
      generation: this.#generation,
      store,
      recorded: this.#tellPostmaster !== undefined,
      counts: this.#deps.counts,
      signal: this.#signal,
    })
  }

  async #policy(nexthop: string, place: Place): Promise<TlsPolicy | undefined> {
    const policy = await unlessStopped(this.#signal, this.#security.policy(nexthop, place))
    if (policy === undefined || !('status' in policy)) return policy
    this.#fates.last = policy
    return undefined
  }

  async #mayGoPlain(walk: Walk, place: Place, policy: TlsPolicy): Promise<boolean | Failure> {
    return (await unlessStopped(this.#signal, this.#security.mayGoPlain(walk.site, place, policy))) ?? false
  }

  #note(text: string): void {
    publish<ClientEvent>({ event: 'client.note', protocol: this.#protocol, text })
  }

  async #transfer(session: ServerSession, isFinal: boolean): Promise<Ending | 'broken'> {
    const { dialogue, name, nameAndPort } = session.facts
    this.#fates.sessionBegins(++session.uses)
    let ending: Ending | 'broken' = 'broken'
    try {
      const common = { ...session.facts, protocol: this.#protocol, cf: this.#cf, job: this.#job }
      const place = {
        ...common,
        tables: this.#deps.tables(),
        generic: this.#deps.generic,
        flags: this.#deps.flags,
        recipients: this.#fates.open,
        settle: (recipient: Recipient, result: RecipientResult) =>
          this.#fates.settle(recipient, result, isFinal, nameAndPort),
      }
      ending = await untilStopped(this.#signal, dialogue.connection, async () => {
        await sendXforward(dialogue, common)
        return sendMessage(dialogue, place)
      })
      this.#fates.isComplete = true
    } catch (error) {
      if (!(error instanceof DialogueError)) throw error
      if (!this.#signal.aborted) this.#fates.fail(brokenOff(error, dialogue, name), isFinal, nameAndPort)
    } finally {
      if (ending === 'broken') dialogue.connection.destroy()
    }
    await this.#kept.leave(session, ending)
    this.#fates.trouble.tell(name, dialogue.record, this.#tellPostmaster)
    this.#fates.sessionEnds()
    return ending
  }
}
