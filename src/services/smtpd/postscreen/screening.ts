/** One client before the SMTP server: looked up, watched while it has to wait, and let through, spoken with, or sent away. */
import { delayText } from '#src/base/mod.ts'
import type { Connection } from '../../../io/net/mod.ts'
import { escaped } from '../escaped.ts'
import type { ScreenDeps } from './deps.ts'
import { Dialogue } from './dialogue.ts'
import type { Asking, DnsScore, Score } from './dns-score.ts'
import type { Places } from './places.ts'
import { Report } from './report.ts'
import { DEEP, Results, type Test } from './tests.ts'

/** Octets of what a client said that are logged. */
export const LOGGED_OCTETS = 100
/** A client that talks on before its turn is not read further than this. */
const EARLY_LIMIT = 64 * 1024

const PROTOCOL_ERROR = { drop: '521 5.5.1 Protocol error', enforce: '550 5.5.1 Protocol error' } as const
const DENIED = {
  drop: '521 5.3.2 Service currently unavailable',
  enforce: '550 5.3.2 Service currently unavailable',
} as const

/** Shared by all clients of a listener. */
export interface Screen {
  readonly deps: ScreenDeps
  /** Tests that are done with a new client. */
  readonly enabled: readonly Test[]
  readonly places: Places
  readonly ehloKeywords: ReadonlySet<string>
  /** Whether a client that came to this address of ours may be remembered. */
  readonly remembersAt: (address: string) => Promise<boolean>
  readonly isForbidden: (command: string) => Promise<boolean>
  readonly minTtlMs: number
}

/** What holds for waits just now. */
export const timesOf = ({ places, deps }: Screen): ScreenDeps['cf'] => (places.isStressed ? deps.stressed : deps.cf)

export class Screening {
  readonly screen: Screen
  readonly connection: Connection
  readonly report: Report
  results: Results
  /** The phase, in the log's words, and when it began. */
  #phase = 'tests before SMTP handshake'
  #phaseMs: number
  /** What a recipient hears in the dialogue; undefined: the client may pass. */
  refusal: string | undefined
  #early: Buffer[] = []
  #earlyOctets = 0
  /** Whoever speaks now speaks too early. */
  #watching = false
  /** The lists that were asked, and what they said when it was asked for: once, though some may not have answered. */
  #asking: Asking | undefined
  #score: Score | undefined
  #hasPlace = false
  #pregreetDone = false
  #isDecided = false
  #over = false
  #concluded: () => void = () => {}

  constructor(screen: Screen, connection: Connection) {
    this.screen = screen
    this.connection = connection
    this.report = new Report(screen.deps.host.syslog_name, connection)
    this.#phaseMs = screen.deps.clock.now()
    this.results = new Results(undefined, screen.enabled, this.#phaseMs)
  }

  /** Resolves when the client is through or gone; never rejects. */
  run(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#concluded = resolve
    // First of all: who goes, or speaks, while a table is asked is not to be missed.
    this.connection.attach({
      data: (chunk) => this.#spoke(chunk),
      end: () => this.hangup(),
      idle: this.#decide,
    })
    // Until something is decided nothing is read; the kernel keeps it.
    this.connection.pause()
    this.#lookUp().catch(this.fail)
    return promise
  }

  /** What is known of the client decides, or what is not is looked at. */
  async #lookUp(): Promise<void> {
    const { deps, remembersAt, enabled } = this.screen
    const { address } = this.connection.remote
    const words = deps.cf.respectful_logging ? ['ALLOWLIST', 'DENYLIST'] : ['WHITELIST', 'BLACKLIST']
    const access = await deps.access(address)
    if (this.#over) return
    if (access === 'permit') {
      this.report.say(`${words[0]}ED ${this.report.client}`)
      return this.conclude()
    }
    if (access === 'reject') {
      this.report.say(`${words[1]}ED ${this.report.client}`)
      const action = deps.cf.postscreen_denylist_action
      if (action !== 'ignore') this.results.unworthy = true
      if (action === 'drop') this.drop(DENIED.drop)
      else if (action === 'enforce') this.refusal = DENIED.enforce
    }
    if (this.#over) return
    const known = this.refusal === undefined ? deps.cache?.find(address) : undefined
    const unworthy = this.results.unworthy
    this.results = new Results(known, enabled, deps.clock.now())
    this.results.unworthy = unworthy
    if (this.refusal === undefined && known !== undefined && this.results.todo.size === 0) {
      this.report.say(`PASS OLD ${this.report.client}`)
      return this.conclude()
    }
    if (!(await remembersAt(this.connection.local.address))) {
      this.report.say(`${words[0]} VETO ${this.report.client}`)
      this.results.unworthy = true
    }
    if (this.#over) return
    this.#hasPlace = this.screen.places.take()
    if (this.#hasPlace) this.#test()
    else this.#turnAway()
  }

  #turnAway(): void {
    this.report.say(`reject: connect from ${this.report.client}: all screening ports busy`)
    this.drop('421 4.3.2 All screening ports are busy')
  }

  #test(): void {
    if (this.results.todo.has('pregreet') || this.results.todo.has('dnsbl')) this.#watch()
    else this.#decide()
  }

  /** Before the greeting: half of it, by way of teaser, and then who speaks first? */
  #watch(): void {
    const { cf, score } = this.screen.deps
    const { connection, results } = this
    this.#begin('tests before SMTP handshake')
    this.#watching = true
    const watches = results.todo.has('pregreet')
    this.#pregreetDone = !watches
    if (watches) connection.write(`220-${cf.postscreen_greet_banner}\r\n`)
    if (results.todo.has('dnsbl') && score !== undefined) this.#ask(score).catch(this.fail)
    connection.idleAfter(timesOf(this.screen).postscreen_greet_wait)
    connection.resume()
    const [said] = this.#early
    if (said !== undefined) this.#pregreeted(said)
  }

  async #ask(score: Pick<DnsScore, 'ask'>): Promise<void> {
    const { address } = this.connection.remote
    const seconds = this.screen.deps.cf.postscreen_dnsbl_timeout / 1000
    this.#asking = score.ask(address, {
      listed: (domain, as) => this.report.say(`addr ${address} listed by domain ${domain} as ${as}`, 'dnsblog'),
      late: (domain) => this.report.warn(`dnsblog reply timeout ${seconds}s for ${domain}`),
    })
    await this.#asking.done
    if (this.#over) return
    this.#takeScore()
    // Departs from Postfix where a list is late: it would have the client sit out the whole wait.
    this.#perhapsDone()
  }

  /** Of the lists that have answered; the others have no say any more. */
  #takeScore(): Score | undefined {
    if (this.#score !== undefined || this.#asking === undefined) return this.#score
    this.#score = this.#asking.now()
    this.#praise()
    return this.#score
  }

  /** Lists that vouch for a client spare it the other tests. */
  #praise(): void {
    const { cf, clock } = this.screen.deps
    const threshold = cf.postscreen_dnsbl_allowlist_threshold
    const score = this.#score?.score ?? 0
    if (threshold >= 0 || score > threshold || this.results.failed.size > 0 || this.refusal !== undefined) return
    this.results.passAll(clock.now() + this.#listTtlMs())
    this.#pregreetDone = true
  }

  #listTtlMs(): number {
    const { postscreen_dnsbl_min_ttl: min, postscreen_dnsbl_max_ttl: max } = this.screen.deps.cf
    // Who does not say, or was late, is asked again soon.
    return Math.max(min, Math.min(max, (this.#score?.ttlSeconds ?? 0) * 1000))
  }

  #spoke(chunk: Buffer): void {
    this.#early.push(chunk)
    this.#earlyOctets += chunk.length
    if (this.#earlyOctets > EARLY_LIMIT) this.connection.pause()
    if (this.#watching && this.#early.length === 1) this.#pregreeted(chunk)
  }

  #pregreeted(chunk: Buffer): void {
    if (!this.results.isOpen('pregreet')) return
    const { cf } = this.screen.deps
    const said = escaped(chunk.subarray(0, LOGGED_OCTETS)).slice(0, LOGGED_OCTETS)
    this.report.say(`PREGREET ${chunk.length} after ${this.#elapsed()} from ${this.report.client}: ${said}`)
    this.#pregreetDone = true
    const action = cf.postscreen_greet_action
    if (action === 'ignore') this.results.todo.add('pregreet')
    else this.results.fail('pregreet')
    if (action === 'drop') return this.drop(PROTOCOL_ERROR.drop)
    if (action === 'enforce') this.refusal = PROTOCOL_ERROR.enforce
    this.#perhapsDone()
  }

  /** All early tests have an end: the wait is over. */
  #perhapsDone(): void {
    if (this.#over || !this.#pregreetDone) return
    if (this.results.todo.has('dnsbl') && this.#score === undefined) return
    setImmediate(this.#decide)
  }

  readonly #decide = (): void => void this.#decision().catch(this.fail)

  async #decision(): Promise<void> {
    if (this.#over || this.#isDecided) return
    this.#isDecided = true
    const { cf, clock } = this.screen.deps
    this.connection.idleAfter(0)
    if (this.results.isOpen('pregreet') && this.#early.length === 0)
      this.results.pass('pregreet', clock.now() + cf.postscreen_greet_ttl)
    if (this.results.todo.has('dnsbl') && (await this.#judge()) === 'dropped') return
    if (this.#over) return
    const deep = DEEP.some((test) => this.results.isOpen(test))
    if (this.refusal !== undefined || this.results.unworthy || deep) this.#converse()
    else this.conclude()
  }

  async #judge(): Promise<'dropped' | 'goes on'> {
    const { cf, clock } = this.screen.deps
    const { score = 0, domain = '' } = this.#takeScore() ?? {}
    if (score < cf.postscreen_dnsbl_threshold) {
      this.results.pass('dnsbl', clock.now() + this.#listTtlMs())
      return 'goes on'
    }
    this.report.say(`DNSBL rank ${score} for ${this.report.client}`)
    const action = cf.postscreen_dnsbl_action
    if (action === 'ignore') return 'goes on'
    this.results.fail('dnsbl')
    const name = (await this.report.lookUp(this.screen.deps.replyName, domain)) ?? domain
    const text = `5.7.1 Service unavailable; client [${this.connection.remote.address}] blocked using ${name}`
    if (action === 'enforce') {
      this.refusal = `550 ${text}`
      return 'goes on'
    }
    this.drop(`521 ${text}`)
    return 'dropped'
  }

  #converse(): void {
    this.#begin('tests after SMTP handshake')
    // Where a client failed already, all is looked at, so that the log says more of it.
    if (this.refusal !== undefined || this.results.unworthy) for (const test of DEEP) this.results.todo.add(test)
    new Dialogue(this).begin(Buffer.concat(this.#early), this.results.failed.has('pregreet'))
  }

  #begin(phase: string): void {
    this.#phase = phase
    this.#phaseMs = this.screen.deps.clock.now()
  }

  #elapsed(): string {
    const { clock, host } = this.screen.deps
    return delayText(clock.now() - this.#phaseMs, host.delay_logging_resolution_limit)
  }

  hangup(): void {
    if (this.#over) return
    this.report.say(`HANGUP after ${this.#elapsed()} from ${this.report.client} in ${this.#phase}`)
    this.conclude('')
  }

  /** What goes wrong on the way costs this client its connection, and nobody else. */
  readonly fail = (error: unknown): void => {
    if (this.#over) return
    this.report.failed(error)
    this.drop(`421 4.3.0 ${this.screen.deps.host.myhostname} Server local data error`)
  }

  /** @param reply the last that the client hears */
  drop(reply: string): void {
    this.conclude(reply)
  }

  /** @param last what the client hears when it must go; undefined: it is let through */
  conclude(last?: string): void {
    if (this.#over) return
    this.#over = true
    const { deps } = this.screen
    const { connection, results, report } = this
    const { blessing, remembered } = results
    if (blessing !== undefined) report.say(`PASS ${blessing} ${report.client}`)
    if (remembered !== undefined)
      void deps.cache?.put(connection.remote.address, remembered).catch((error: unknown) => report.warn(String(error)))
    connection.idleAfter(0)
    if (this.#hasPlace) this.screen.places.leave()
    if (last === undefined) this.#handOver()
    else {
      if (last === '') connection.destroy()
      else connection.end(`${softened(last, deps.host.soft_bounce)}\r\n`)
      report.say(`DISCONNECT ${report.client}`)
    }
    this.#concluded()
  }

  /** What the client said too early is the server's to read. */
  #handOver(): void {
    const { connection } = this
    connection.pause()
    if (this.#early.length > 0) connection.unread(Buffer.concat(this.#early))
    this.screen.deps.serve(connection)
    connection.resume()
  }
}

/** soft_bounce: nothing is refused for good. */
export function softened(reply: string, soft: boolean): string {
  return soft ? reply.replace(/^5/, '4').replace(/^(\d{3} )5/, '$14') : reply
}
