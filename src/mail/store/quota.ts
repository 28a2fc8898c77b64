/** Quota: what an account may store, and what is on its way in. Refusals come before the append (rule 2 of the log). */
import type { AccountId } from '../accounts/mod.ts'
import { usageOf } from './account-state.ts'
import type { StoreContext } from './context.ts'
import type { Limits } from './contract.ts'

/** Room kept free for messages on their way. */
export interface Reservation {
  /** Asks for so much in all; false when that is too much. */
  grow(octets: number, messages: number): boolean
  release(): void
}

interface Held {
  readonly octets: number
  readonly messages: number
}

const NOTHING: Held = { octets: 0, messages: 0 }

/** One a thread: two threads may together pass a quota by the messages under way at that moment. */
export class Quota {
  readonly #ctx: StoreContext
  readonly #reserved = new Map<AccountId, Held>()

  constructor(ctx: StoreContext) {
    this.#ctx = ctx
  }

  /** What the account may have; 0 for no limit. */
  limitsOf(account: AccountId): Limits {
    return this.#ctx.limitsOf(account)
  }

  hasRoom(account: AccountId, octets: number, messages: number): boolean {
    const limits = this.limitsOf(account)
    if (limits.octets === 0 && limits.messages === 0) return true
    const used = usageOf(this.#ctx.db.read, account)
    const held = this.#reserved.get(account) ?? NOTHING
    const fits = (limit: number, all: number): boolean => limit === 0 || all <= limit
    return (
      fits(limits.octets, used.octets + held.octets + octets) &&
      fits(limits.messages, used.messages + held.messages + messages)
    )
  }

  /** undefined: no room. */
  reserve(account: AccountId, octets: number, messages: number): Reservation | undefined {
    if (!this.hasRoom(account, octets, messages)) return undefined
    let own = NOTHING
    const hold = (wanted: Held): void => {
      const held = this.#reserved.get(account) ?? NOTHING
      const all = {
        octets: held.octets + wanted.octets - own.octets,
        messages: held.messages + wanted.messages - own.messages,
      }
      if (all.octets > 0 || all.messages > 0) this.#reserved.set(account, all)
      else this.#reserved.delete(account)
      own = wanted
    }
    hold({ octets, messages })
    return {
      grow: (more, count) => {
        if (!this.hasRoom(account, more - own.octets, count - own.messages)) return false
        hold({ octets: more, messages: count })
        return true
      },
      release: () => hold(NOTHING),
    }
  }
}
