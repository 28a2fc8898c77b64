/** The database of a data directory, with the tables of all rooms. */
import { openDatabase, type Schema, type SqliteDb, WriteTurn } from '../../io/db/mod.ts'
import { logSchema } from '../../io/blobs/mod.ts'
import { accountsSchema } from '../../mail/accounts/mod.ts'
import { deliverySchema } from '../../mail/delivery/mod.ts'
import { loginsSchema } from '../../mail/logins/mod.ts'
import { queueSchema } from '../../mail/queue/mod.ts'
import { storeSchema } from '../../mail/store/mod.ts'
import { greylistSchema, sendingSchema } from '../../mail/policy/mod.ts'
import { screenSchema } from '../../services/smtpd/mod.ts'
import { checkSchema } from './check-schema.ts'

/** The tables of all rooms. */
export const mailSchemas: readonly Schema[] = [
  logSchema,
  accountsSchema,
  loginsSchema,
  storeSchema,
  queueSchema,
  sendingSchema,
  greylistSchema,
  deliverySchema,
  screenSchema,
  checkSchema, // last: indices over the others' tables
]

export function openMailDatabase(
  path: string,
  options: { readonly turn?: WriteTurn; readonly migrated?: boolean; readonly readOnly?: boolean } = {},
): SqliteDb {
  return openDatabase({
    path,
    schemas: mailSchemas,
    ...options,
  })
}
