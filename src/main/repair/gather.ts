/** A fresh database with every row that can be read of the damaged one, and from the snapshot what is gone. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Damage, isSound, layoutsOf, Refill, rowsOf, Salvage, type SalvagedRow } from '../../io/db/mod.ts'
import { MENDING_INDICES, rowMarks } from '../../mail/store/mod.ts'
import type { DataPaths } from '../server/data-dir.ts'
import { openMailDatabase } from '../server/database.ts'
import { type RepairWork, snapshotsOf } from './work.ts'

export interface Gathered {
  /** Tables of which rows may be missing. */
  readonly damaged: ReadonlySet<string>
  /** The newest whole one. */
  readonly snapshot: string | undefined
  /** Nothing of the mailboxes could be read: they are as the snapshot has them. */
  readonly isFromSnapshot: boolean
  readonly rows: number
  readonly snapshotRows: number
}

export interface GatherOptions {
  readonly paths: DataPaths
  readonly work: RepairWork
  readonly onNote: (text: string) => void
  readonly onProgress: (done: number, expected: number) => void
}

/** What the new database has of its own: how far its tables are, how the server ran, the search index, which is made anew. */
const OWN = /^(?:schema_step|server_state|sqlite_schema|search_(?:block|slice|recent|scan))$/
/** Rows that belong together: taken from the snapshot all, or as mailboxes are mended (mail/store). */
const MAILBOXES = ['message', 'placement', 'mailbox_page', 'expunged', 'copy_slice']

/** A whole snapshot: the newest that SQLite finds in order. */
export function soundSnapshot(paths: DataPaths, onNote: (text: string) => void): string | undefined {
  const dir = join(paths.dir, 'snapshots')
  if (!existsSync(dir)) return undefined
  return snapshotsOf(paths, readdirSync(dir)).find((path) => {
    if (isSound(path)) return true
    onNote(`the snapshot ${path} is damaged, and not used`)
    return false
  })
}

export function gather(options: GatherOptions): Gathered {
  const { paths, work, onNote } = options
  const snapshot = soundSnapshot(paths, onNote)
  const fresh = openMailDatabase(work.target)
  const sql = fresh.read.sql('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL').all()
  const tables = fresh.read.sql("SELECT name FROM sqlite_schema WHERE type = 'table'").all()
  fresh.close()
  const layouts = layoutsOf(sql.map(([text]) => String(text)))
  const names = tables.map(([name]) => String(name)).filter((name) => !OWN.test(name))
  const own = names.filter((name) => name !== 'sqlite_sequence')
  const beginning = [...rowsOf(work.target, own)]
  const target = new Refill(work.target)
  try {
    for (const name of own) target.run(`DELETE FROM "${name}"`)
    const taken = existsSync(paths.database)
      ? salvage(options, layouts, target)
      : { damaged: new Set(names), rows: 0, ofMailboxes: 0 }
    if (!existsSync(paths.database)) onNote('mail.db is missing')
    const isFromSnapshot = taken.ofMailboxes === 0
    const snapshotRows =
      snapshot === undefined ? 0 : merge(snapshot, target, wanted(names, taken.damaged, isFromSnapshot))
    // What a table begins with, where nothing of it was found.
    for (const row of beginning) if (target.isEmpty(row.table)) target.insert(row)
    for (const statement of MENDING_INDICES.trim().split('\n')) target.run(statement)
    return { damaged: taken.damaged, snapshot, isFromSnapshot, rows: taken.rows, snapshotRows }
  } finally {
    target.close()
  }
}

/** Of tables that are whole nothing is wanted; the snapshot has what was deleted since. */
function wanted(names: readonly string[], damaged: ReadonlySet<string>, isFromSnapshot: boolean): string[] {
  return ['sqlite_sequence', ...names].filter(
    (name) => name === 'sqlite_sequence' || (MAILBOXES.includes(name) ? isFromSnapshot : damaged.has(name)),
  )
}

function salvage(
  { paths, onNote, onProgress }: GatherOptions,
  layouts: ReturnType<typeof layoutsOf>,
  target: Refill,
): { damaged: Set<string>; rows: number; ofMailboxes: number } {
  const tell = ({ table, page, text }: Damage): void =>
    onNote(`${page > 0 ? `page ${page}${table === undefined ? '' : ` of ${table}`}: ` : ''}${text}`)
  const damaged = new Salvage(paths.database, { layouts, marks: rowMarks, onDamage: tell, onProgress })
  const broken = new Set<string>()
  let [rows, ofMailboxes] = [0, 0]
  try {
    for (const row of damaged.rows()) {
      if (OWN.test(row.table)) continue
      const end = target.insert(row)
      if (end === 'refused') {
        broken.add(row.table)
        onNote(`a row of ${row.table} is damaged, and left out`)
      }
      if (end !== 'taken') continue
      rows++
      if (MAILBOXES.includes(row.table)) ofMailboxes++
    }
    return { damaged: new Set([...damaged.damaged, ...broken]), rows, ofMailboxes }
  } finally {
    damaged.close()
  }
}

/** Mail of the snapshot's queue may have gone out since: it waits on hold until the postmaster says so. */
function merge(snapshot: string, target: Refill, tables: readonly string[]): number {
  let taken = 0
  for (const row of rowsOf(snapshot, tables)) {
    if (row.table === 'segment_given' || row.table === 'segment') continue
    const end = target.insert(row.table === 'queue_message' ? onHold(row) : row)
    if (end === 'taken' && row.table !== 'sqlite_sequence') taken++
    if (end === 'taken' && row.table === 'queue_recipient')
      target.run('UPDATE queue_message SET hold = 1 WHERE id = ?', row.values[row.columns.indexOf('message')] ?? null)
  }
  return taken
}

function onHold(row: SalvagedRow): SalvagedRow {
  return { ...row, values: row.values.map((value, i) => (row.columns[i] === 'hold' ? 1 : value)) }
}
