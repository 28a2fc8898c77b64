/** Opens the accounts of a configuration directory for a command, beside a running server or without one. */
import { systemClock } from '#src/base/mod.ts'
import { SegmentLog } from '../../io/blobs/mod.ts'
import { SendingLimits, sendingParams } from '../../mail/policy/mod.ts'
import { createAnalyser, createStore, storeParams } from '../../mail/store/mod.ts'
import { actAsOwner, dataPaths, makeDataDirectory } from '../server/data-dir.ts'
import { openMailDatabase } from '../server/database.ts'
import { accountsOf, readConfig } from '../server/rooms.ts'
import { Bans, Ledger } from '../../mail/logins/mod.ts'
import type { OpenedStore } from './accounts-port.ts'
import type { OpenedBans } from './bans.ts'
import { ToldFeed } from './told-feed.ts'

export const openAccountsOf = (directory: string): Promise<OpenedStore & OpenedBans> => {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  makeDataDirectory(paths)
  actAsOwner(paths)
  const db = openMailDatabase(paths.database)
  const clock = systemClock
  const accounts = accountsOf(config, db, paths, clock)
  const log = new SegmentLog({ dir: paths.log, db, clock, memoryLimit: 1024 * 1024 })
  const settings = config.bind(storeParams)
  const feed = new ToldFeed()
  const store = createStore({ db, log, feed, clock, settings, analyser: createAnalyser })
  return Promise.resolve({
    accounts,
    ledger: new Ledger(db, clock, () => 0),
    bans: new Bans(db, clock),
    sending: new SendingLimits(db, clock, config.bind(sendingParams)),
    store,
    onCreated: (account) => store.provision(account),
    onRemoved: (account) => store.removeAccount(account),
    async close() {
      await log.close()
      db.close()
      await feed.tell(paths)
    },
  })
}
