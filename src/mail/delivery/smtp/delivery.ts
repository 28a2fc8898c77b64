/** One delivery: which servers, in what order, over which connections, and what becomes of each recipient. Postfix: smtp_connect.c. */
import { publish } from '#src/base/mod.ts'
import { servicePort, splitList } from '../../../io/config/mod.ts'
import type { Resolver } from '../../../io/dns/mod.ts'
import type { Agent, DeliveryJob, DeliveryTimes, RecipientResult } from '../../queue/mod.ts'
import type { Shared, SmtpAgentDeps } from './agent.ts'
import { clientDns } from './client-dns.ts'
import { open, type Opened } from './connecting.ts'
import { DialogueError } from './dialogue.ts'
import type { ClientEvent } from './events.ts'
import type { TransportFlags } from './flags.ts'
import { lastResort, type LastSite } from './last-resort.ts'
import { type ClientSettings, clientSettings } from './params.ts'
import { endpointOf, type Place, placesOf, Walk } from './places.ts'
import { type Connections, connectionsFor, destinationKey, serverKey } from './reuse.ts'
import { findCredentials } from './sasl.ts'
import type { ServerSession } from './server-session.ts'
import { noteTls } from './session.ts'
import { parseNexthop } from './targets.ts'
import { TlsPolicyError } from './tls-errors.ts'
import { type TlsPolicy, tlsPolicy } from './tls-policy.ts'
import { needsNoTls } from './tls-required.ts'
import { type Ending, type Recipient, sendMessage } from './transaction.ts'
import { type TellPostmaster, Trouble } from './trouble.ts'
import { brokenOff, deferred, type Failure } from './words.ts'
import { sendXforward } from './xforward.ts'

type Report = Parameters<Agent['deliver']>[1]

type DeliveryDeps = SmtpAgentDeps & { readonly flags: TransportFlags }

export class Delivery {
  readonly #deps: DeliveryDeps
  readonly #shared: Shared
  readonly #job: DeliveryJob
  readonly #report: Report
  readonly #signal: AbortSignal
  readonly #protocol: 'smtp' | 'lmtp'
  readonly #cf: ClientSettings
  readonly #dns: Resolver
  /** The message says so itself (RFC 8689). */
  readonly #tlsNotRequired: boolean
  /** Recipients whose fate is open. */
  readonly #left: Map<number, Recipient>
  readonly #startedMs = performance.now()
  #readyMs: number | undefined
  #uses = 1
  /** A server has heard the message out, whatever it said: the destination is there. */
  #isComplete = false
  #last: Failure = deferred('4.3.0', 'server unavailable or unable to receive mail')
  readonly #trouble = new Trouble()
  readonly #tellPostmaster: TellPostmaster | undefined
  #connections: Connections = { load: false, store: false }
  /** What the first good connection is kept under, so that bad servers in front of it are passed over. */
  #destinationKey: string | undefined
  /** Addresses that connections from the cache went to. */
  readonly #used = new Set<string>()

  constructor(deps: DeliveryDeps, shared: Shared, job: DeliveryJob, report: Report, signal: AbortSignal) {
    this.#deps = deps
    this.#shared = shared
    this.#job = job
    this.#report = report
    this.#signal = signal
    this.#protocol = deps.protocol(job.transport)
    this.#cf = clientSettings(deps.config(job.transport), this.#protocol)
    this.#tellPostmaster = deps.tellPostmaster(job.sender)
    this.#tlsNotRequired = needsNoTls(job, this.#cf)
    this.#dns = clientDns(deps.dns, this.#cf, {
      probe: shared.probe,
      protocol: this.#protocol,
      tables: deps.tables(),
      note: (text) => this.#note(text),
    })
    this.#left = new Map(job.recipients.map((recipient) => [recipient.id, recipient]))
  }

  get #isOver(): boolean {
    return this.#left.size === 0 || this.#signal.aborted
  }

  async run(): Promise<void> {
    const { smtp_sasl_type: type, smtp_sasl_auth_enable } = this.#cf
    if (!smtp_sasl_auth_enable || type === 'cyrus') return this.#trySites()
    this.#note(`warning: ${this.#protocol}_sasl_type: unsupported SASL client implementation: ${type}`)
    this.#reportAll(deferred('4.3.0', 'unknown mail transport error'))
  }

  async #trySites(): Promise<void> {
    const { nexthop, transport } = this.#job
    const named = nexthop.startsWith('unix:') ? [nexthop] : splitList(nexthop)
    const sites = [...named, ...this.#cf.smtp_fallback_relay]
    for (const [i, site] of sites.entries()) {
      const goesOn = await this.#tryEach(site, i === 0, i === sites.length - 1)
      if (this.#isOver) return
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
    this.#reportAll(end.failure)
  }

  #reportAll(failure: Failure): void {
    const result = this.#isComplete ? failure : { ...failure, destinationDown: true }
    for (const { id } of this.#left.values()) this.#report(id, result, 'none', this.#times())
  }

  /** The servers of one nexthop in turn. False: no other nexthop is to be tried. */
  async #tryEach(site: string, isFirstSite: boolean, isLastSite: boolean): Promise<boolean> {
    const { config, isOwnAddress } = this.#deps
    const queueDirectory = config(this.#job.transport).value('queue_directory') ?? '/'
    const found = await placesOf(site, {
      protocol: this.#protocol,
      cf: this.#cf,
      queueDirectory,
      dns: this.#dns,
      isOwnAddress,
      note: (text) => this.#note(text),
    })
    if (!Array.isArray(found)) {
      this.#last = found
      return found.dsn !== '5.4.6' // what loops is not for a fall-back relay
    }
    const walk = new Walk(site, found, this.#cf, isLastSite)
    if (isFirstSite) await this.#chooseConnections(site)
    if (this.#connections.load) {
      walk.leaveOut(this.#used)
      await this.#reuseAny(walk)
    }
    for (let place; !this.#isOver && (place = walk.next()) !== undefined;) await this.#tryPlace(place, walk)
    return true
  }

  async #chooseConnections(site: string): Promise<void> {
    const destination = site.startsWith('unix:') ? site.slice('unix:'.length) : this.#domainOf(site)
    this.#connections = await connectionsFor(this.#cf, this.#deps.tables(), this.#job, destination)
    if (this.#connections.load || this.#connections.store)
      this.#destinationKey = destinationKey(this.#cf, this.#job, {
        nexthop: site,
        tlsNotRequired: this.#tlsNotRequired,
      })
  }

  #domainOf(site: string): string {
    return parseNexthop(site.replace(/^inet:/, ''), this.#cf.smtp_tcp_port).host
  }

  /** Open connections of the next hop, then of its best servers. */
  async #reuseAny(walk: Walk): Promise<void> {
    if (!walk.isEmpty && this.#destinationKey !== undefined) {
      const known = this.#shared.connections.takeByDestination(this.#destinationKey)
      await this.#transferOver(known, walk)
    }
    for (const place of walk.best) {
      if (this.#isOver || walk.isEmpty) return
      const policy = await this.#policy(walk.site, place)
      if (policy === undefined) continue
      await this.#transferOver(this.#takeByServer(place, policy, walk.site), walk)
    }
  }

  async #transferOver(kept: ServerSession | undefined, walk: Walk): Promise<void> {
    const session = kept && (await this.#alive(kept))
    if (session === undefined) return
    walk.countReuse(session.facts.address)
    await this.#transfer(session, walk.isFinal)
  }

  #takeByServer(place: Place, policy: TlsPolicy, site: string): ServerSession | undefined {
    return this.#shared.connections.takeByServer(this.#serverKey(place, policy, site))
  }

  #serverKey(place: Place, policy: TlsPolicy, site: string): string {
    return serverKey(this.#cf, this.#job, policy, { host: place.host, endpoint: endpointOf(place), site })
  }

  /** A connection that died while it waited is let go: there will be another. */
  async #alive(session: ServerSession): Promise<ServerSession | undefined> {
    if (!(await session.isAlive(this.#cf))) {
      session.facts.dialogue.connection.destroy()
      return undefined
    }
    const { address, tls } = session.facts
    if (tls !== undefined) noteTls(tls, 'reused', { cf: this.#cf, protocol: this.#protocol })
    this.#used.add(address)
    return session
  }

  async #tryPlace(place: Place, walk: Walk): Promise<void> {
    const policy = await this.#policy(walk.site, place)
    if (policy === undefined) return
    let session: ServerSession | undefined
    if (this.#connections.load && !walk.isBest(place)) {
      const kept = this.#takeByServer(place, policy, walk.site)
      session = kept && (await this.#alive(kept))
    }
    session ??= await this.#open(place, walk, policy)
    if (session === undefined) return
    walk.countSession()
    const mayGoPlain = session.facts.tls !== undefined && (await this.#mayGoPlain(place, walk, policy))
    const ending = await this.#transfer(session, walk.isFinal && !mayGoPlain)
    if (ending !== 'broken' || !mayGoPlain || this.#isOver) return
    const plain = await this.#open(place, walk, { ...policy, level: 'none' })
    if (plain !== undefined) await this.#transfer(plain, walk.isFinal)
  }

  async #open(place: Place, walk: Walk, policy: TlsPolicy): Promise<ServerSession | undefined> {
    const opened = await this.#connect(place, walk, policy)
    if ('session' in opened) return opened.session
    // Level may: what cannot be said in TLS is said without (Postfix: "smtp_tls_security_level = may").
    if (opened.handshake === true && (await this.#mayGoPlain(place, walk, policy)))
      return this.#open(place, walk, { ...policy, level: 'none' })
    this.#fail(opened.failure, walk.isFinal, opened.relay)
    this.#trouble.tell(opened.relay.replace(/:\d+$/, ''), opened.record, this.#tellPostmaster)
    return undefined
  }

  /**
   * Not at once: a handshake that fails may be an attack. Nor where the client would log in, for without TLS the server may
   * only say that it does not relay.
   */
  async #mayGoPlain(place: Place, { site }: Walk, policy: TlsPolicy): Promise<boolean> {
    const cf = this.#cf
    if (policy.level !== 'may' || cf.smtp_tls_wrappermode) return false
    const isOld = this.#deps.now() - this.#job.arrivalMs >= cf.minimal_backoff_time
    if (!isOld && this.#job.trace !== 'verify') return false
    if (!cf.smtp_sasl_auth_enable) return true
    const maps = this.#deps.tables().maps(cf.smtp_sasl_password_maps)
    const { sender } = this.#job
    return (await findCredentials(cf, maps, { host: place.host, nexthop: site, sender })) === undefined
  }

  #connect(place: Place, walk: Walk, policy: TlsPolicy): Promise<Opened> {
    const watches = this.#protocol === 'smtp' && 'port' in place && place.port === servicePort('smtp')
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
      serverKey: this.#serverKey(place, policy, walk.site),
      store: this.#connections.store,
      recorded: this.#tellPostmaster !== undefined,
      signal: this.#signal,
    })
  }

  async #policy(nexthop: string, place: Place): Promise<TlsPolicy | undefined> {
    const { tables } = this.#deps
    const { tlsFiles } = this.#shared
    const target = 'path' in place ? undefined : place
    try {
      return await tlsPolicy(
        this.#cf,
        { nexthop, host: place.host, protocol: this.#protocol, target, tlsNotRequired: this.#tlsNotRequired },
        {
          maps: (spec) => tables().maps(spec),
          anchors: (paths) => tlsFiles.anchors(paths),
          dns: this.#dns,
          note: (text) => this.#note(text),
        },
      )
    } catch (error) {
      if (!(error instanceof TlsPolicyError)) throw error
      if (error.warning !== undefined) this.#note(`warning: ${error.warning}`)
      this.#note(`warning: TLS policy lookup for ${nexthop}/${place.host}: ${error.told}`)
      this.#last = deferred(error.dsn, error.told)
      return undefined
    }
  }

  #note(text: string): void {
    publish<ClientEvent>({ event: 'client.note', protocol: this.#protocol, text })
  }

  async #transfer(session: ServerSession, isFinal: boolean): Promise<Ending | 'broken'> {
    const { dialogue, name, nameAndPort } = session.facts
    const stop = (): void => dialogue.connection.destroy()
    this.#signal.addEventListener('abort', stop, { once: true })
    this.#readyMs = performance.now()
    this.#uses = ++session.uses
    let ending: Ending | 'broken' = 'broken'
    try {
      const common = { ...session.facts, protocol: this.#protocol, cf: this.#cf, job: this.#job }
      await sendXforward(dialogue, common)
      ending = await sendMessage(dialogue, {
        ...common,
        tables: this.#deps.tables(),
        generic: this.#deps.generic,
        flags: this.#deps.flags,
        recipients: [...this.#left.values()],
        settle: (recipient, result) => this.#settle(recipient, result, isFinal, nameAndPort),
      })
      this.#isComplete = true
    } catch (error) {
      if (!(error instanceof DialogueError)) throw error
      this.#fail(brokenOff(error, dialogue, name), isFinal, nameAndPort)
    } finally {
      this.#signal.removeEventListener('abort', stop)
      if (ending === 'broken') dialogue.connection.destroy()
    }
    await this.#finish(session, ending)
    this.#trouble.tell(name, dialogue.record, this.#tellPostmaster)
    this.#readyMs = undefined
    this.#uses = 1
    return ending
  }

  /** Keeps the connection for the next message, or ends it. */
  async #finish(session: ServerSession, ending: Ending | 'broken'): Promise<void> {
    const { connections } = this.#shared
    const { serverKey: key, generation } = session.facts
    if (ending === 'broken' || ending === 'cut' || this.#signal.aborted)
      return session.facts.dialogue.connection.destroy()
    const isClean = ending === 'done' || (await session.reset('sending final RSET', this.#cf))
    if (isClean && generation === connections.generation && session.mayBeKept(this.#cf)) {
      const forMs = Math.min(this.#cf.smtp_connection_cache_time_limit, this.#cf.connection_cache_ttl_limit)
      connections.keep(session, key, this.#destinationKey, forMs)
    } else await session.quit(this.#cf)
    this.#destinationKey = undefined
  }

  /** A failure of a whole server: permanent ones end the recipients, others are for the next server to mend. */
  #fail(failure: Failure, isFinal: boolean, relay: string): void {
    this.#last = failure
    this.#trouble.note(failure)
    if (relay === 'none') this.#note(failure.text)
    else if (failure.status === 'deferred' && !isFinal) this.#note(`${this.#job.queueId}: ${failure.text}`)
    else {
      const result = this.#isComplete ? failure : { ...failure, destinationDown: true }
      for (const recipient of this.#left.values()) this.#settle(recipient, result, true, relay)
    }
  }

  #settle(recipient: Recipient, result: RecipientResult, isFinal: boolean, relay: string): void {
    if (!this.#left.has(recipient.id)) return
    this.#trouble.note(result)
    if (result.status === 'deferred' && !isFinal) {
      this.#last = result
      this.#note(`${this.#job.queueId}: ${result.text}`)
      return
    }
    this.#left.delete(recipient.id)
    this.#report(recipient.id, result, relay, this.#times())
  }

  #times(): DeliveryTimes {
    const readyMs = this.#readyMs ?? performance.now()
    return {
      setupMs: readyMs - this.#startedMs,
      transferMs: performance.now() - readyMs,
      connectionUses: this.#uses > 1 ? this.#uses : undefined,
    }
  }
}
