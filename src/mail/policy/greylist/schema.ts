/** Tables of greylisting. */
import type { Schema } from '../../../io/db/mod.ts'

export const greylistSchema: Schema = {
  room: 'policy/greylist',
  steps: [
    // triplet: the first octets of the SHA-256 of client network, sender and recipient. seen_ms: to the day, once passed.
    `CREATE TABLE greylist (
       triplet BLOB PRIMARY KEY,
       first_ms INTEGER NOT NULL,
       seen_ms INTEGER NOT NULL,
       passed INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX greylist_seen ON greylist (passed, seen_ms);

     CREATE TABLE greylist_client (
       network TEXT PRIMARY KEY,
       passes INTEGER NOT NULL,
       seen_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX greylist_client_seen ON greylist_client (seen_ms);`,
  ],
}
