/** Accounts whose rows are gone and whose mail is there: they come back under the name that mail was addressed to, without a password. */
import type { SqliteDb } from '../../io/db/mod.ts'
import type { RepairNote } from './notes.ts'

export interface AccountsOptions {
  /** By number, as the log has them. */
  readonly names: ReadonlyMap<number, string>
  /** A domain whose users are this host's. */
  readonly isLocal: (domain: string) => boolean
  readonly nowMs: number
  /** Also accounts that the log alone knows. */
  readonly all: boolean
  readonly onNote: (note: RepairNote) => void
}

/** Answers how many came back. */
export function mendAccountRows(db: SqliteDb, options: AccountsOptions): Promise<number> {
  const { names, isLocal, nowMs, all, onNote } = options
  return db.write((tx) => {
    const known = tx.sql(
      `SELECT account FROM (SELECT account FROM mailbox WHERE name IS NOT NULL UNION SELECT account FROM message)
       WHERE account > 0 AND account NOT IN (SELECT id FROM account)
       AND account NOT IN (SELECT account FROM account_state WHERE removed = 1)`,
    )
    const missing = new Set(known.all().map(([account]) => Number(account)))
    const there = tx.sql('SELECT 1 FROM account WHERE id = ?')
    if (all) for (const account of names.keys()) if (there.get(account) === undefined) missing.add(account)
    for (const account of missing) {
      const [localPart, domain] = placeOf(names.get(account) ?? `recovered-${account}`, isLocal)
      if (domain !== '') tx.sql('INSERT OR IGNORE INTO domain (name, created_ms) VALUES (?, ?)').run(domain, nowMs)
      const insert = tx.sql('INSERT OR IGNORE INTO account (id, domain, local_part, created_ms) VALUES (?, ?, ?, ?)')
      const name = insert.run(account, domain, localPart, nowMs).changes === 1 ? localPart : `recovered-${account}`
      if (name !== localPart) insert.run(account, '', name, nowMs)
      const shown = name === localPart && domain !== '' ? `${name}@${domain}` : name
      onNote({ account, text: `its row is gone: it is ${shown} now, and needs a password (postigo account password)` })
    }
    const { changes } = tx.sql('DELETE FROM credential WHERE account NOT IN (SELECT id FROM account)').run()
    if (changes > 0) onNote({ text: `${changes} passwords were of accounts that are gone` })
    return missing.size
  })
}

function placeOf(recipient: string, isLocal: (domain: string) => boolean): readonly [string, string] {
  const at = recipient.lastIndexOf('@')
  if (at < 0) return [recipient, '']
  const domain = recipient.slice(at + 1).toLowerCase()
  return [recipient.slice(0, at).toLowerCase(), isLocal(domain) ? '' : domain]
}
