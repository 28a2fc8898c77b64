/** What imapd is made of. */
import type { Clock } from '#src/base/mod.ts'
import type { ExchangeOptions, SaslBackend, SaslExchange } from '../../formats/sasl/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Accounts } from '../../mail/accounts/mod.ts'
import type { LoginDoor } from '../../mail/logins/mod.ts'
import type { Store } from '../../mail/store/mod.ts'
import type { imapdParams } from './params.ts'

export interface ImapdDeps {
  readonly cf: Settings<typeof imapdParams>
  readonly clock: Clock
  readonly store: Store
  readonly accounts: Pick<Accounts, 'byId' | 'find' | 'setQuota' | 'urlKey'>
  readonly backend: SaslBackend
  /** Slows guessing, bans and records; missing where that is not done. */
  readonly door?: LoginDoor
  /** Offered in this order, where the connection has what they need. */
  readonly mechanisms: readonly string[]
  readonly startExchange: (
    mechanism: string,
    backend: SaslBackend,
    options: ExchangeOptions,
  ) => SaslExchange | undefined
  readonly hostname: string
  readonly version: string
  readonly tlsAvailable: boolean
}
