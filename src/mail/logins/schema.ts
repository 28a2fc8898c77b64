/** Tables of log-ins. */
import type { Schema } from '../../io/db/mod.ts'

export const loginsSchema: Schema = {
  room: 'logins',
  steps: [
    // Those of a day that are alike are one row. password: the application password's name; network: of the address.
    `CREATE TABLE login_record (
       account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
       succeeded INTEGER NOT NULL,
       day INTEGER NOT NULL,
       service TEXT NOT NULL,
       address TEXT NOT NULL,
       mechanism TEXT NOT NULL,
       tls TEXT NOT NULL,
       password TEXT NOT NULL,
       network TEXT NOT NULL,
       first_ms INTEGER NOT NULL,
       last_ms INTEGER NOT NULL,
       count INTEGER NOT NULL,
       PRIMARY KEY (account, succeeded, day, service, address, mechanism, tls, password)
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX login_place ON login_record (account, succeeded, network);

     -- until_ms: 0 where it was lifted; a row stays for a while, so that the next ban is longer.
     CREATE TABLE ban (
       network TEXT PRIMARY KEY,
       until_ms INTEGER NOT NULL,
       since_ms INTEGER NOT NULL,
       times INTEGER NOT NULL,
       by_hand INTEGER NOT NULL,
       reason TEXT NOT NULL,
       version INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;
     CREATE INDEX ban_by_version ON ban (version);

     -- Raised by every change to bans.
     CREATE TABLE ban_version (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       version INTEGER NOT NULL
     ) STRICT;
     INSERT INTO ban_version VALUES (1, 0);`,
    // For what is older than login_record_lifetime.
    'CREATE INDEX login_day ON login_record (day)',
  ],
}
