/** Mending the store's rows in a database put together from what was salvaged: nobody else has it open. */
import type { Db, Reader, SqlValue } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreFinding } from './check-contract.ts'
import { ENTRY_OCTETS } from './entries.ts'

export interface Mending {
  readonly db: Db
  /** The same tables as they were when the last whole snapshot was taken. */
  readonly snapshot: Reader | undefined
  /** Tables of which rows may be missing. */
  readonly damaged: ReadonlySet<string>
  readonly nowMs: number
  readonly onNote: (note: StoreFinding) => void
  readonly onProgress: (done: number) => void
}

export interface MendReport {
  /** Messages whose rows are gone although a mailbox had them: their content may be in the log. */
  lost: number
  /** Entries made anew. */
  entries: number
  /** Rows of messages taken from the snapshot. */
  fromSnapshot: number
}

/** Where a message was. */
export interface FormerPlace {
  readonly message: number
  readonly account: AccountId
  readonly mailbox: number
  readonly uid: number
}

/** Indices that mending needs and nobody else. */
export const MENDING_INDICES = `
CREATE INDEX mend_message_place ON message (mailbox, uid);
CREATE INDEX mend_message_record ON message (record_id);
CREATE INDEX mend_placement ON placement (mailbox, uid);
`
export const DROP_MENDING_INDICES =
  'DROP INDEX mend_message_place; DROP INDEX mend_message_record; DROP INDEX mend_placement;'

/** Pages and what was expunged have the same columns: the one counts its entries where the other has a time. */
export const rowMarks: Readonly<Record<string, (values: readonly SqlValue[]) => boolean>> = {
  mailbox_page: ([, , , n, , data]) => data instanceof Uint8Array && Number(n) * ENTRY_OCTETS === data.byteLength,
  expunged: ([, , , at, , data]) => data instanceof Uint8Array && Number(at) * ENTRY_OCTETS !== data.byteLength,
}

/** Columns that both have, as the older has them. */
export function copyRow(reader: Reader, tx: Reader, table: string, id: number): boolean {
  const columns = reader
    .sql('SELECT name FROM pragma_table_info(?)')
    .all(table)
    .map(([name]) => `"${String(name)}"`)
  const row: SqlValue[] | undefined = reader.sql(`SELECT ${columns.join(', ')} FROM ${table} WHERE id = ?`).get(id)
  if (row === undefined) return false
  const places = columns.map(() => '?').join(', ')
  return tx.sql(`INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`).run(...row).changes === 1
}
