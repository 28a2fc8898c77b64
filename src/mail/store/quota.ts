/** Quota: what an account may store, and what is on its way in. Refusals come before the append (rule 2 of the log). */
import type { AccountId } from '../accounts/mod.ts'
import { usageOf } from './account-state.ts'
import type { StoreContext } from './context.ts'

/** Octets kept free for a message on its way. */
export interface Reservation {
  /** Asks for `octets` in all; false when that is too much. */
  grow(octets: number): boolean
  release(): void
}

/** One a thread: two threads may together pass a quota by the messages under way at that moment. */
export class Quota {
  readonly #ctx: StoreContext
  readonly #reserved = new Map<AccountId, number>()

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  /** Octets the account may store; 0 for no limit. */
  limitOf(account: AccountId): number {
    return Math.max(0, this.#ctx.quotaOf(account))
  }

  hasRoom(account: AccountId, octets: number): boolean {
    const quota = this.#ctx.quotaOf(account)
    if (quota <= 0) return true
    return usageOf(this.#ctx.db.read, account).octets + (this.#reserved.get(account) ?? 0) + octets <= quota
  }

  /** undefined: no room. */
  reserve(account: AccountId, octets: number): Reservation | undefined {
    if (!this.hasRoom(account, octets)) return undefined
    let held = 0
    const hold = (wanted: number): void => {
      const all = (this.#reserved.get(account) ?? 0) + wanted - held
      if (all > 0) this.#reserved.set(account, all)
      else this.#reserved.delete(account)
      held = wanted
    }
    hold(octets)
    return {
      grow: (wanted) => {
        if (!this.hasRoom(account, wanted - held)) return false
        hold(wanted)
        return true
      },
      release: () => hold(0),
    }
  }
}
