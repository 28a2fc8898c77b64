/**
 * A client that may log in, for as long as it is connected. It is asked what it tried, waits where there was guessing, and is
 * told of when it fails: then it is counted, and banned where that was too often.
 */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { publish } from '../../base/mod.ts'
import {
  AUTHENTICATION_FAILURE,
  BAD_PROTOCOL,
  type SaslBackend,
  type SaslExchange,
  type SaslIdentity,
} from '../../formats/sasl/mod.ts'
import { type Account, AccountError, type Accounts, type Scope } from '../accounts/mod.ts'
import type { Bans } from './bans.ts'
import type { FailureCounters } from './counters.ts'
import type { LoginsEvent } from './events.ts'
import type { Ledger } from './ledger.ts'
import { hostOf, neighboursOf } from './networks.ts'
import type { OpenSessions } from './open-sessions.ts'
import type { LoginsSettings } from './params.ts'
import type { Strangers } from './strangers.ts'

/** So many wrong ones are anybody's. */
const FREE_FAILURES = 3
/** A wrong log-in counts so much where the account has logged in from: a mistake is likelier there. */
const KNOWN_PLACE_WEIGHT = 0.25
/** Of a name that was tried. */
const NAME_MAX = 80

export interface VisitParts {
  readonly service: Scope
  readonly cf: LoginsSettings
  readonly accounts: () => Pick<Accounts, 'find' | 'loginOwner'>
  readonly counters: FailureCounters
  readonly bans: Bans
  readonly ledger: Ledger
  readonly sessions: OpenSessions
  readonly strangers: Strangers
  /** login_ban_exceptions. */
  readonly isExempt: (client: { readonly name: string; readonly address: string }) => Promise<boolean>
}

/** Who is connected, as it is known now. */
export interface VisitorFacts {
  readonly address: string
  readonly name?: string
  /** TLS version. */
  readonly tls: string | undefined
}

interface Tried {
  readonly name: string
  /** Asked for where it failed. */
  readonly pair: () => number
  /** It has waited as long as guesses must. */
  waited: boolean
  /** Its failure was counted before the exchange ended. */
  readonly isCounted?: boolean
}

export class Visit {
  readonly #parts: VisitParts
  readonly #who: () => VisitorFacts
  #tried: Tried | undefined
  #leave: (() => void) | undefined
  #makeRoom: (() => void) | undefined
  #isGone = false

  constructor(parts: VisitParts, who: () => VisitorFacts) {
    this.#parts = parts
    this.#who = who
  }

  /** Whether it is not let in at all. */
  async isBanned(): Promise<boolean> {
    const { address } = this.#who()
    return address !== '' && this.#orElse(false, () => this.#parts.bans.holds(address)) && !(await this.#isExempt())
  }

  /** Whether there is a place for one more that has not logged in; its own, until it has, or leaves. */
  async entered(): Promise<boolean> {
    const host = hostOf(this.#who().address)
    if (host === undefined || (await this.#isExempt())) return true
    this.#makeRoom = this.#parts.strangers.enter(host, this.#parts.cf.login_connection_limit)
    return this.#makeRoom !== undefined
  }

  /** The backend for one log-in: it takes note of the name, and lets guesses wait before they are looked at. */
  watch(backend: SaslBackend): SaslBackend {
    const noted = <A extends readonly unknown[], R>(ask: (name: string, ...rest: A) => R) => {
      return (name: string, ...rest: A): R => {
        this.#note(name)
        return ask(name, ...rest)
      }
    }
    // Every member by name, so that one that is added to SaslBackend is not forgotten here.
    const watched: { readonly [M in keyof Required<SaslBackend>]: SaslBackend[M] } = {
      realm: backend.realm,
      verifyPassword: async (name, password) => {
        this.#note(name, password)
        if ((await this.isBanned()) || !(await this.waited())) return undefined
        return backend.verifyPassword(name, password)
      },
      scram: noted((name, hash) => backend.scram(name, hash)),
      digestMd5: noted((name, realm) => backend.digestMd5(name, realm)),
      cramMd5: noted((name, challenge) => backend.cramMd5(name, challenge)),
      apop: backend.apop && noted((name, timestamp: string) => apopOf(backend, name, timestamp)),
      external:
        backend.external &&
        (async (certificate) => {
          this.#note('', 'certificate') // whoever holds none that counts holds none at the next try
          return backend.external?.(certificate)
        }),
      bearer:
        backend.bearer &&
        (async (token) => {
          this.#note('', token) // one that has run out is the same each time
          // Without a token nobody is asked of it.
          const verdict = await bearerOf(backend, (await this.isBanned()) ? '' : token)
          // Its refusal is no end yet: a client that cancels then, or hangs up, would never be counted.
          if (!('identity' in verdict)) await this.#countAtOnce('OAUTHBEARER')
          return verdict
        }),
      mayActAs: (identity, authzid) => backend.mayActAs(identity, authzid),
    }
    return watched as SaslBackend // what is absent is undefined, which nobody tells apart
  }

  /**
   * An exchange in which no password is said: what came out waits as guesses do before it is told, so that hanging up tells
   * nothing.
   */
  slow(exchange: SaslExchange): SaslExchange {
    return {
      mechanism: exchange.mechanism,
      clientFirst: exchange.clientFirst,
      step: async (response) => {
        const step = await exchange.step(response)
        if (step.state !== 'continue') await this.waited()
        return step
      },
      close: () => exchange.close?.(),
    }
  }

  /** Waits, once for each log-in, as long as guesses must; false: it is banned by now. */
  async waited(): Promise<boolean> {
    const tried = this.#tried
    if (tried === undefined || tried.waited) return true
    tried.waited = true
    const delay = await this.#delayBefore(tried.name).catch((error: unknown) => this.#failing(0, error))
    if (delay === 0) return true
    await this.#sleep(delay)
    return !(await this.isBanned())
  }

  /** After a success. @param end lets go the session, when the account or its application password is no more */
  succeeded({ accountId, appPassword }: SaslIdentity, mechanism: string, end: () => void): void {
    this.#tried = undefined
    this.left()
    if (accountId === undefined) return
    this.#record(accountId, mechanism, true, appPassword?.name ?? '')
    // A password is looked at for a while: nobody would take out again whoever hung up meanwhile.
    if (this.#isGone) return
    this.#leave = this.#parts.sessions.add({ account: accountId, appPassword: appPassword?.id, end })
  }

  /** The connection is no more, whatever is still going on for it. */
  gone(): void {
    this.#isGone = true
    this.left()
  }

  /** The session is over, or nobody's any more. */
  left(): void {
    this.#makeRoom?.()
    this.#leave?.()
    this.#leave = undefined
  }

  /**
   * After a refusal, before it is said; true: that was too often, and the session is to end.
   * @param reason why, in SASL's words
   */
  async failed(mechanism: string, reason: string): Promise<boolean> {
    const tried = this.#tried
    this.#tried = undefined
    if (tried?.isCounted === true) return this.isBanned()
    // A client that cannot say a password guesses none.
    if (tried === undefined && reason === BAD_PROTOCOL) return false
    try {
      return await this.#refused(mechanism, tried ?? { name: '', pair: randomPair, waited: false })
    } catch (error) {
      return this.#failing(false, error)
    }
  }

  async #countAtOnce(mechanism: string): Promise<void> {
    await this.failed(mechanism, AUTHENTICATION_FAILURE)
    this.#tried = { name: '', pair: randomPair, waited: true, isCounted: true }
  }

  async #refused(mechanism: string, { name, pair }: Tried): Promise<boolean> {
    const account = this.#accountOf(name)
    if (account !== undefined) this.#record(account.id, mechanism, false, '')
    const { address } = this.#who()
    const [host, network] = [hostOf(address), neighboursOf(address)]
    if (host === undefined || network === undefined || (await this.#isExempt())) return false
    const { counters, ledger, cf } = this.#parts
    const isKnown = ledger.hasLoggedIn(account?.id ?? 0, network)
    const failure = { pair: pair(), weight: isKnown ? KNOWN_PLACE_WEIGHT : 1 }
    const points = counters.count(`host ${host}`, failure)
    const ofNetwork = counters.count(`network ${network}`, failure)
    if (!isKnown && name !== '') counters.count(accountKey(name, account), failure)
    await this.#ban(host, points, cf.login_failure_limit)
    await this.#ban(network, ofNetwork, cf.login_failure_network_limit)
    await this.#sleep(this.#delayOf(points))
    return this.isBanned()
  }

  #note(name: string, password?: string): void {
    // A digest of a challenge is another each time, whatever the password: each counts.
    const { counters } = this.#parts
    const pair = password === undefined ? randomPair : (): number => counters.pairOf(name, password)
    this.#tried = { name, pair, waited: false }
  }

  async #delayBefore(name: string): Promise<number> {
    const { counters, cf, ledger } = this.#parts
    const { address } = this.#who()
    const [host, network] = [hostOf(address), neighboursOf(address)]
    if (host === undefined || network === undefined) return 0
    const account = this.#accountOf(name)
    const own = this.#delayOf(counters.points(`host ${host}`))
    const ofNetwork = share(
      counters.points(`network ${network}`),
      cf.login_failure_network_limit,
      cf.login_failure_limit,
    )
    const over = counters.points(accountKey(name, account)) - cf.login_failure_account_limit
    const ofName = cf.login_failure_account_limit === 0 || over < 0 ? 0 : over + FREE_FAILURES
    const delay = Math.max(own, this.#delayOf(ofNetwork), this.#delayOf(ofName))
    if (delay === 0 || (await this.#isExempt())) return 0
    // What strangers and neighbours do is nothing to whoever logged in from here before.
    return account !== undefined && ledger.hasLoggedIn(account.id, network) ? own : delay
  }

  #delayOf(points: number): number {
    const { login_failure_delay: first, login_failure_max_delay: most } = this.#parts.cf
    return points < FREE_FAILURES ? 0 : Math.min(most, first * 2 ** (Math.floor(points) - FREE_FAILURES))
  }

  async #ban(network: string, points: number, limit: number): Promise<void> {
    if (limit === 0 || points < limit) return
    const { cf, bans, counters, service } = this.#parts
    const times = { firstMs: cf.login_ban_time, mostMs: cf.login_ban_max_time }
    const reason = `${Math.floor(points)} wrong log-ins, the last to ${service}`
    const lengthMs = await bans.punish(network, times, reason)
    if (lengthMs === undefined) return
    // It begins anew when the ban is over.
    counters.forget(`host ${network}`)
    counters.forget(`network ${network}`)
    const text = `banned ${network} for ${Math.round(lengthMs / 1000)} s: ${reason}`
    publish<LoginsEvent>({ event: 'logins.banned', network, lengthMs, text })
  }

  #accountOf(name: string): Account | undefined {
    try {
      const accounts = this.#parts.accounts()
      return name === '' ? undefined : (accounts.loginOwner(name) ?? accounts.find(name))
    } catch (error) {
      if (error instanceof AccountError) return undefined // the wrong key: the log-in itself has said so
      throw error
    }
  }

  #record(account: number, mechanism: string, succeeded: boolean, password: string): void {
    const { address, tls = '' } = this.#who()
    const network = neighboursOf(address) ?? ''
    const { ledger, service } = this.#parts
    ledger.add({ account, succeeded, service, address, network, mechanism, tls, password })
  }

  /** A table that cannot be asked excuses nobody. */
  async #isExempt(): Promise<boolean> {
    const { address, name = 'unknown' } = this.#who()
    try {
      return await this.#parts.isExempt({ address, name })
    } catch (error) {
      return this.#failing(false, error)
    }
  }

  #orElse<T>(otherwise: T, ask: () => T): T {
    try {
      return ask()
    } catch (error) {
      return this.#failing(otherwise, error)
    }
  }

  /** A database that cannot be asked lets in: the password still decides. */
  #failing<T>(otherwise: T, error: unknown): T {
    publish<LoginsEvent>({ event: 'logins.failed', error })
    return otherwise
  }

  async #sleep(ms: number): Promise<void> {
    if (ms > 0) await sleep(ms, undefined, { ref: false })
  }
}

function apopOf(backend: SaslBackend, name: string, timestamp: string): ReturnType<NonNullable<SaslBackend['apop']>> {
  const answer = backend.apop?.(name, timestamp)
  if (answer === undefined) throw new Error('APOP is not offered')
  return answer
}

function bearerOf(backend: SaslBackend, token: string): ReturnType<NonNullable<SaslBackend['bearer']>> {
  if (backend.bearer === undefined) throw new Error('tokens are not taken')
  return backend.bearer(token)
}

function randomPair(): number {
  return randomBytes(4).readInt32LE(0)
}

/** Points of a network as if they were one address's. */
function share(points: number, limit: number, hostLimit: number): number {
  return limit === 0 ? 0 : (points / limit) * hostLimit
}

function accountKey(name: string, account: Account | undefined): string {
  return account === undefined ? `name ${name.slice(0, NAME_MAX).toLowerCase()}` : `account ${account.id}`
}
