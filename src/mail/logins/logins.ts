/** Log-ins of one thread, for all its services. */
import type { Clock } from '../../base/mod.ts'
import type { Db } from '../../io/db/mod.ts'
import type { Accounts, Scope } from '../accounts/mod.ts'
import { Bans } from './bans.ts'
import { FailureCounters } from './counters.ts'
import { Ledger } from './ledger.ts'
import { OpenSessions } from './open-sessions.ts'
import type { LoginsSettings } from './params.ts'
import { Strangers } from './strangers.ts'
import { Visit, type VisitorFacts, type VisitParts } from './visit.ts'

export interface LoginsParts {
  readonly db: Db
  readonly clock: Clock
  /** FailureCounters.memory(), one for all threads. */
  readonly memory: SharedArrayBuffer
  /** As they are configured now. */
  readonly accounts: () => Accounts
  readonly cf: () => LoginsSettings
}

/** Where clients of a service come in. */
export interface LoginDoor {
  visit(who: () => VisitorFacts): Visit
}

export class Logins {
  readonly #parts: LoginsParts
  readonly #counters: FailureCounters
  readonly #sessions: OpenSessions
  readonly #strangers = new Strangers()
  readonly ledger: Ledger
  readonly bans: Bans

  constructor(parts: LoginsParts) {
    const { db, clock, memory, accounts, cf } = parts
    this.#parts = parts
    const leakMs = (): number => cf().login_failure_window / Math.max(1, cf().login_failure_limit)
    this.#counters = new FailureCounters(memory, clock, leakMs)
    this.#sessions = new OpenSessions(accounts)
    this.ledger = new Ledger(db, clock, () => cf().login_record_lifetime)
    this.bans = new Bans(db, clock)
  }

  /** @param isExempt login_ban_exceptions */
  door(service: Scope, cf: LoginsSettings, isExempt: VisitParts['isExempt']): LoginDoor {
    const parts: VisitParts = {
      service,
      cf,
      isExempt,
      accounts: this.#parts.accounts,
      counters: this.#counters,
      bans: this.bans,
      ledger: this.ledger,
      sessions: this.#sessions,
      strangers: this.#strangers,
    }
    return { visit: (who) => new Visit(parts, who) }
  }

  /** Writes what waits. */
  close(): Promise<void> {
    this.#sessions.close()
    return this.ledger.flush()
  }
}
