/** Commands change mailboxes beside a running server; its sessions hear of it once the command is done. */
import { serverLockHolder } from '../../io/db/mod.ts'
import type { AccountId } from '../../mail/accounts/mod.ts'
import { ChangeFeed } from '../../mail/store/mod.ts'
import { askControl } from '../server/control.ts'
import type { DataPaths } from '../server/data-dir.ts'

/** Accounts told of at once. */
export const TOLD_LIMIT = 1000
/** A server that is busy hears no more of it; sessions then look at their next change. */
const WAIT_MS = 5000

export class ToldFeed extends ChangeFeed {
  readonly #accounts = new Set<AccountId>()

  override changed(account: AccountId): void {
    super.changed(account)
    this.#accounts.add(account)
  }

  /** Tells the server of a data directory, where one runs, whose mailboxes changed. */
  async tell(paths: Pick<DataPaths, 'dir' | 'control'>): Promise<void> {
    if (this.#accounts.size === 0 || serverLockHolder(paths.dir) === undefined) return
    const accounts = [...this.#accounts].slice(0, TOLD_LIMIT)
    await askControl(paths.control, { command: 'mailboxes-changed', accounts }, WAIT_MS).catch(() => undefined)
  }
}
