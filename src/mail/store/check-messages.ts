/** Rows of messages: their sums, and that the mailboxes they say they lie in have them. Other rows that carry sums, too. */
import type { Reader, SqlValue } from '../../io/db/mod.ts'
import { atOnce, type StoreCheck } from './check-contract.ts'
import type { MailboxId } from './contract.ts'
import { Entries } from './entries.ts'
import { MESSAGE_BATCH } from './message-rows.ts'
import { pageHolding } from './pages.ts'
import { messageSum, sumOf } from './sums.ts'
import { unpackKeys } from './thread-keys.ts'

/** As `sumOfRow` wants them, from the sixth on. */
export const SUMMED_COLUMNS =
  'record_id, sent, message_id, prefix, envelope, body_structure, listed_fields, parts, linked'
const ROWS = `SELECT id, account, mailbox, uid, sum, ${SUMMED_COLUMNS} FROM message WHERE id > ? ORDER BY id LIMIT ${MESSAGE_BATCH}`

interface Place {
  readonly message: number
  readonly mailbox: MailboxId
  readonly uid: number
}

export function checkMessages(check: StoreCheck): void {
  const { reader } = check
  let done = 0
  for (let after = 0; ;) {
    const rows = atOnce(reader, () => checkBatch(check, after))
    if (rows === undefined) break
    after = rows.last
    check.onProgress((done += rows.count))
  }
}

function checkBatch(check: StoreCheck, after: number): { last: number; count: number } | undefined {
  const { reader, onFinding } = check
  const rows = reader.sql(ROWS).all(after)
  const last = Number(rows.at(-1)?.[0])
  if (rows.length === 0) return undefined
  const places: Place[] = []
  for (const row of rows) {
    const [message = 0, account = 0, mailbox = 0, uid = 0] = row.slice(0, 4).map(Number)
    places.push({ message, mailbox, uid })
    if (row[4] !== null && row[4] !== sumOfRow(row))
      onFinding({
        account,
        mailbox,
        uid,
        text: `message ${message}: its sum is another: what was computed of it is damaged`,
      })
  }
  for (const row of rows) checkLinks(check, row)
  const further = reader.sql('SELECT message, mailbox, uid FROM placement WHERE message > ? AND message <= ?')
  for (const [message = 0, mailbox = 0, uid = 0] of further.all(after, last).map((row) => row.map(Number)))
    places.push({ message, mailbox, uid })
  for (const { message, mailbox, uid } of misplaced(reader, places))
    onFinding({ mailbox, uid, text: `message ${message} says that it is here, and the mailbox does not have it` })
  return { last, count: rows.length }
}

/** The conversations that a message joined know the keys that it joined by. */
function checkLinks({ reader, onFinding }: StoreCheck, row: readonly SqlValue[]): void {
  const [message = 0, account = 0, mailbox = 0, uid = 0] = row.slice(0, 4).map(Number)
  const linked = row[13]
  if (!(linked instanceof Uint8Array)) return
  const link = reader.sql('SELECT 1 FROM thread_link WHERE account = ? AND key = ?')
  if (unpackKeys(Buffer.from(linked)).some((key) => link.get(account, key) === undefined))
    onFinding({ account, mailbox, uid, text: `message ${message}: a conversation that it belongs to is missing` })
}

/** The sum that a row of `message` should carry. @param row as ROWS gives it */
export function sumOfRow(row: readonly SqlValue[]): number {
  const blob = (i: number): Uint8Array => row[i] as Uint8Array // BLOB NOT NULL columns
  return messageSum({
    recordId: blob(5),
    sent: row[6] === null ? null : Number(row[6]),
    messageId: String(row[7]),
    prefix: blob(8),
    envelope: blob(9),
    bodyStructure: blob(10),
    listedFields: blob(11),
    parts: blob(12),
    linked: row[13] === null ? null : blob(13),
  })
}

/** Places that neither a page nor what was expunged and is not released yet knows of. */
export function misplaced(reader: Reader, places: readonly Place[]): Place[] {
  const missing = places.filter(({ message, mailbox, uid }) => {
    const entries = pageHolding(reader, mailbox, uid)?.entries
    const at = entries?.lowerBound(uid) ?? 0
    return entries?.uid[at] !== uid || entries.message[at] !== message
  })
  const mailboxes = new Set(missing.map(({ mailbox }) => mailbox))
  const expunged = new Set([...mailboxes].flatMap((mailbox) => unreleased(reader, mailbox)))
  return missing.filter(({ message, mailbox, uid }) => !expunged.has(`${message} ${mailbox} ${uid}`))
}

function unreleased(reader: Reader, mailbox: MailboxId): string[] {
  const rows = reader.sql('SELECT released, data FROM expunged WHERE mailbox = ? AND released >= 0').all(mailbox)
  return rows.flatMap(([released, data]) => {
    const { uid, message } = new Entries(data as Uint8Array) // BLOB NOT NULL
    return Array.from(uid, (one, i) => `${message[i]} ${mailbox} ${one}`).slice(Number(released))
  })
}

/** Tables of packed columns whose sums are looked at by themselves. */
const PACKED = [
  { table: 'expunged', column: 'data', what: 'what was expunged' },
  { table: 'mailbox_seen', column: 'data', what: 'who has seen what' },
]

export function checkPacked({ reader, onFinding }: StoreCheck): void {
  for (const { table, column, what } of PACKED) {
    const rows = reader.sql(`SELECT id, mailbox, ${column}, sum FROM ${table} WHERE id > ? ORDER BY id LIMIT 256`)
    for (let after = 0, some; (some = rows.all(after)).length > 0; after = Number(some.at(-1)?.[0]))
      for (const [id, mailbox, data, sum] of some)
        if (sum !== null && sum !== sumOf(data as Uint8Array))
          // BLOB NOT NULL
          onFinding({
            mailbox: Number(mailbox),
            text: `row ${Number(id)} of ${table}: its sum is another: ${what} is damaged`,
          })
  }
  checkThreads(reader, onFinding)
}

function checkThreads(reader: Reader, onFinding: StoreCheck['onFinding']): void {
  const rows = reader.sql(
    'SELECT account, key, thread, uses, sum FROM thread_link WHERE (account, key) > (?, ?) ORDER BY account, key LIMIT 1024',
  )
  for (let after: readonly number[] = [-1, -1], some; (some = rows.all(...after)).length > 0;) {
    for (const [account, key, thread, uses, sum] of some)
      if ((sum !== null && sum !== sumOf(thread as Uint8Array)) || Number(uses) < 1)
        // BLOB NOT NULL
        onFinding({ account: Number(account), text: `conversation ${Number(key)}: its name is damaged` })
    after = (some.at(-1) ?? []).slice(0, 2).map(Number)
  }
}
