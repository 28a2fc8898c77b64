/** Tables of accounts. */
import type { Schema } from '../../io/db/mod.ts'

export const accountsSchema: Schema = {
  room: 'accounts',
  steps: [
    `CREATE TABLE domain (
       name TEXT PRIMARY KEY,
       created_ms INTEGER NOT NULL
     ) STRICT, WITHOUT ROWID;

     -- AUTOINCREMENT: an id is never given twice, so that nothing of a deleted account reaches a later one.
     CREATE TABLE account (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       domain TEXT NOT NULL,
       local_part TEXT NOT NULL,
       disabled INTEGER NOT NULL DEFAULT 0,
       quota_octets INTEGER NOT NULL DEFAULT 0,
       created_ms INTEGER NOT NULL,
       UNIQUE (domain, local_part)
     ) STRICT;

     -- sealed: verifiers.ts under seal.ts. families and realm say what is inside, for mechanisms().
     CREATE TABLE credential (
       account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
       families TEXT NOT NULL,
       realm TEXT NOT NULL,
       sealed BLOB NOT NULL,
       changed_ms INTEGER NOT NULL
     ) STRICT;
     CREATE INDEX credential_families ON credential (families, realm);

     -- Raised by every change to these tables, so that each process knows when its cache is old.
     CREATE TABLE account_generation (
       one INTEGER PRIMARY KEY CHECK (one = 1),
       generation INTEGER NOT NULL
     ) STRICT;
     INSERT INTO account_generation VALUES (1, 0);`,
    // 0: none of its own, as in quota_octets.
    `ALTER TABLE account ADD COLUMN quota_messages INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE account ADD COLUMN quota_mailboxes INTEGER NOT NULL DEFAULT 0;`,
    // sealed: as in credential, behind the digest that a plain one is found by (app-passwords.ts, second-factors.ts).
    `CREATE TABLE app_password (
       id INTEGER PRIMARY KEY AUTOINCREMENT,
       account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
       name TEXT NOT NULL,
       scopes TEXT NOT NULL,
       families TEXT NOT NULL,
       realm TEXT NOT NULL,
       sealed BLOB NOT NULL,
       created_ms INTEGER NOT NULL,
       expires_ms INTEGER,
       used_ms INTEGER,
       UNIQUE (account, name)
     ) STRICT;
     CREATE INDEX app_password_families ON app_password (families, realm);

     -- last_step: of the code that was used last; none up to it is taken again.
     CREATE TABLE second_factor (
       account INTEGER PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
       sealed BLOB NOT NULL,
       last_step INTEGER NOT NULL,
       since_ms INTEGER NOT NULL
     ) STRICT;
     CREATE TABLE recovery_code (
       account INTEGER NOT NULL REFERENCES account (id) ON DELETE CASCADE,
       digest BLOB NOT NULL,
       PRIMARY KEY (account, digest)
     ) STRICT, WITHOUT ROWID;`,
    // Wrong codes behind the right password, in a span of time (second-factors.ts).
    `ALTER TABLE second_factor ADD COLUMN wrong INTEGER NOT NULL DEFAULT 0;
     ALTER TABLE second_factor ADD COLUMN wrong_span INTEGER NOT NULL DEFAULT 0;`,
  ],
}
