/** What the parts of the store share; made once by `createStore`. */
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { Limits } from './contract.ts'
import type { Dictionaries } from './dictionaries.ts'
import type { ChangeFeed } from './feed.ts'
import type { StoreSettings } from './params.ts'

/** A transaction takes 5 ms at most, its commit included (ARCHITECTURE §3); what is longer goes on in the next one. */
export const SLICE_MS = 2

export interface StoreContext {
  readonly db: Db
  readonly feed: ChangeFeed
  readonly clock: Clock
  readonly settings: StoreSettings
  readonly dictionaries: Dictionaries
  /** What an account may have; 0 is no limit. */
  readonly limitsOf: (account: AccountId) => Limits
}

/** The feed learns of it once the transaction is committed. */
export function announce(ctx: Pick<StoreContext, 'db' | 'feed'>, tx: Tx, account: AccountId): void {
  ctx.db.afterCommit(tx, () => ctx.feed.changed(account))
}

/** When the running slice must end. */
export function sliceEnd(ctx: Pick<StoreContext, 'clock'>): number {
  return ctx.clock.monotonic() + SLICE_MS
}
