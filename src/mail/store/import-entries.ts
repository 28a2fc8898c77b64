/** Rows of `import_source` and `import_entry`: which messages of which folder have been taken in. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { Imported, MailboxId } from './contract.ts'

/** A UID beyond this is not kept: whoever can write the old folder's lists could leave none for the mail to come. */
export const KEPT_UID_LIMIT = 4_000_000_000

/** Rows answered at once. */
const KNOWN_PAGE = 8192

export interface SourceRow {
  readonly id: number
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly target: string
  readonly staged: boolean
}

const COLUMNS = 'SELECT id, account, mailbox, target, staged FROM import_source'

function fromRow(row: readonly unknown[] | undefined): SourceRow | undefined {
  if (row === undefined) return undefined
  const [id, account, mailbox, target, staged] = row
  return {
    id: Number(id),
    account: Number(account),
    mailbox: Number(mailbox),
    target: String(target),
    staged: staged === 1,
  }
}

export function sourceByName(reader: Reader, account: AccountId, source: string): SourceRow | undefined {
  return fromRow(reader.sql(`${COLUMNS} WHERE account = ? AND source = ?`).get(account, source))
}

export function sourceById(reader: Reader, id: number): SourceRow | undefined {
  return fromRow(reader.sql(`${COLUMNS} WHERE id = ?`).get(id))
}

export function forgetSource(tx: Tx, id: number): void {
  tx.sql('DELETE FROM import_entry WHERE source = ?').run(id)
  tx.sql('DELETE FROM import_source WHERE id = ?').run(id)
}

/** Of an account that goes. */
export function removeImports(tx: Tx, account: AccountId): void {
  tx.sql('DELETE FROM import_entry WHERE source IN (SELECT id FROM import_source WHERE account = ?)').run(account)
  tx.sql('DELETE FROM import_source WHERE account = ?').run(account)
}

export function isImported(tx: Tx, { source, known }: Imported): boolean {
  return tx.sql('SELECT 1 FROM import_entry WHERE source = ? AND known = ?').get(source, known) !== undefined
}

export function noteImported(tx: Tx, { source, known }: Imported, message: number): void {
  tx.sql('INSERT INTO import_entry (source, known, message) VALUES (?, ?, ?) ON CONFLICT DO NOTHING').run(
    source,
    known,
    message,
  )
}

export function knownOf(reader: Reader, source: number, after: string): string[] {
  return reader
    .sql('SELECT known FROM import_entry WHERE source = ? AND known > ? ORDER BY known LIMIT ?')
    .all(source, after, KNOWN_PAGE)
    .map(([known]) => String(known))
}

export function countKnown(reader: Reader, source: number): number {
  return Number(reader.sql('SELECT count(*) FROM import_entry WHERE source = ?').get(source)?.[0] ?? 0)
}

/** Messages of a source that are there still, by row. */
export function importedMessages(reader: Reader, source: number): number[] {
  return reader
    .sql('SELECT m.id FROM import_entry e JOIN message m ON m.id = e.message WHERE e.source = ? ORDER BY m.id')
    .all(source)
    .map(([message]) => Number(message))
}
