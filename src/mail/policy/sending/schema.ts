/** Tables of what accounts have sent. */
import type { Schema } from '../../../io/db/mod.ts'

export const sendingSchema: Schema = {
  room: 'policy/sending',
  steps: [
    // owner: an account's number, or `user name` for who has none here. bucket: five minutes since 1970.
    `CREATE TABLE sending_count (
       owner TEXT NOT NULL,
       bucket INTEGER NOT NULL,
       messages INTEGER NOT NULL,
       new_recipients INTEGER NOT NULL,
       PRIMARY KEY (owner, bucket)
     ) STRICT, WITHOUT ROWID;

     -- recipient: the first octets of the address's SHA-256. day: since 1970, of the last message to it.
     CREATE TABLE sending_recipient (
       owner TEXT NOT NULL,
       recipient BLOB NOT NULL,
       day INTEGER NOT NULL,
       PRIMARY KEY (owner, recipient)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE sending_held (
       owner TEXT NOT NULL,
       queue_id TEXT NOT NULL,
       at_ms INTEGER NOT NULL,
       PRIMARY KEY (owner, queue_id)
     ) STRICT, WITHOUT ROWID;

     CREATE TABLE sending_notice (
       owner TEXT PRIMARY KEY,
       at_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;`,
  ],
}
