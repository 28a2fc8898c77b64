/** The database of a data directory, with the tables of all rooms. */
import { openDatabase, type SqliteDb, WriteTurn } from '../../io/db/mod.ts'
import { logSchema } from '../../io/blobs/mod.ts'
import { accountsSchema } from '../../mail/accounts/mod.ts'
import { deliverySchema } from '../../mail/delivery/mod.ts'
import { queueSchema } from '../../mail/queue/mod.ts'
import { storeSchema } from '../../mail/store/mod.ts'
import { screenSchema } from '../../services/smtpd/mod.ts'

export function openMailDatabase(
  path: string,
  options: { readonly turn?: WriteTurn; readonly migrated?: boolean; readonly readOnly?: boolean } = {},
): SqliteDb {
  return openDatabase({
    path,
    schemas: [logSchema, accountsSchema, storeSchema, queueSchema, deliverySchema, screenSchema],
    ...options,
  })
}
