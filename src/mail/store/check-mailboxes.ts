/** Pages of mailboxes: they decode, agree with the rows of their messages, and the counters count them. */
import type { Reader } from '../../io/db/mod.ts'
import { atOnce, type StoreCheck } from './check-contract.ts'
import type { MailboxId } from './contract.ts'
import { type Entries, ENTRY_OCTETS, Entries as PackedEntries } from './entries.ts'
import { DELETED, SEEN } from './keywords.ts'
import { type MailboxRow, mailboxById } from './mailbox-rows.ts'
import { sumOf } from './sums.ts'

/** Pages looked at in one transaction; counters need all pages of a mailbox in one. */
const PAGES = `SELECT id, first_uid, n, max_modseq, data, sum FROM mailbox_page WHERE mailbox = ? AND first_uid > ? ORDER BY first_uid LIMIT 16`

interface Counted {
  messages: number
  unseen: number
  deleted: number
  octets: number
  lastUid: number
  modSeq: number
}

/** All mailboxes, one after the other. */
export function checkMailboxes(check: StoreCheck): void {
  const next = check.reader.sql('SELECT id FROM mailbox WHERE id > ? ORDER BY id LIMIT 1')
  let done = 0
  for (let row, id = 0; (row = next.get(id)) !== undefined;) {
    id = Number(row[0])
    done += atOnce(check.reader, () => checkMailbox(check, id))
    check.onProgress(done)
  }
  atOnce(check.reader, () => checkStray(check))
}

/** Answers how many messages it has. */
function checkMailbox(check: StoreCheck, id: MailboxId): number {
  const { reader } = check
  const row = mailboxById(reader, id)
  if (row === undefined) return 0 // gone meanwhile
  const counted: Counted = { messages: 0, unseen: 0, deleted: 0, octets: 0, lastUid: 0, modSeq: 0 }
  for (let after = -1; ;) {
    const pages = reader.sql(PAGES).all(id, after)
    for (const page of pages) checkPage(check, row, page, counted)
    if (pages.length === 0) break
    after = Number(pages.at(-1)?.[1])
  }
  if (row.name !== undefined) compareCounters(check, row, counted)
  return counted.messages
}

function checkPage(check: StoreCheck, row: MailboxRow, page: readonly unknown[], counted: Counted): void {
  const [id, firstUid, n, maxModSeq] = page.slice(0, 4).map(Number)
  const data = page[4] as Uint8Array // BLOB NOT NULL
  const tell = (text: string, uid?: number): void =>
    check.onFinding({ account: row.account, mailbox: row.id, uid, text: `page ${id}: ${text}` })
  if (page[5] !== null && page[5] !== sumOf(data))
    tell('its sum is another: flags, dates or numbers of messages are damaged')
  if (data.byteLength !== Number(n) * ENTRY_OCTETS) {
    tell(`${data.byteLength} octets for ${n} messages`)
    return
  }
  const entries = new PackedEntries(data)
  let before = Math.max(counted.lastUid, Number(firstUid) - 1)
  for (let i = 0; i < entries.length; i++) {
    const { uid, flags, sizeOctets, modSeq } = entries.at(i)
    if (uid <= before) tell('UIDs do not rise', uid)
    if (modSeq > Number(maxModSeq)) tell(`MODSEQ ${modSeq} is above the page's`, uid)
    before = uid
    counted.messages++
    counted.octets += sizeOctets
    if ((flags & SEEN) === 0) counted.unseen++
    if ((flags & DELETED) !== 0) counted.deleted++
  }
  counted.lastUid = before
  counted.modSeq = Math.max(counted.modSeq, Number(maxModSeq))
  for (const { uid, text } of strangers(check.reader, row, entries)) tell(text, uid)
}

/** Entries whose message is not there, or is another. */
function strangers(reader: Reader, row: MailboxRow, entries: Entries): { uid: number; text: string }[] {
  const ids = JSON.stringify([...entries.message])
  const rows = reader
    .sql(
      `SELECT id, account, mailbox, uid, length(prefix) + length FROM message WHERE id IN (SELECT value FROM json_each(?))`,
    )
    .all(ids)
  const messages = new Map(rows.map(([id, ...rest]) => [Number(id), rest.map(Number)]))
  const placed = reader.sql('SELECT 1 FROM placement WHERE message = ? AND mailbox = ? AND uid = ?')
  const found: { uid: number; text: string }[] = []
  for (let i = 0; i < entries.length; i++) {
    const { uid, message, sizeOctets } = entries.at(i)
    const [account, mailbox, firstUid, size] = messages.get(message) ?? []
    if (account === undefined) found.push({ uid, text: `its message ${message} has no row` })
    else if (account !== row.account) found.push({ uid, text: `message ${message} is another account's` })
    else if ((mailbox !== row.id || firstUid !== uid) && placed.get(message, row.id, uid) === undefined)
      found.push({ uid, text: `message ${message} does not know that it is here` })
    else if (size !== sizeOctets) found.push({ uid, text: `${sizeOctets} octets, and its message has ${size}` })
  }
  return found
}

function compareCounters(check: StoreCheck, row: MailboxRow, counted: Counted): void {
  const tell = (text: string): void => check.onFinding({ account: row.account, mailbox: row.id, text })
  for (const what of ['messages', 'unseen', 'deleted', 'octets'] as const)
    if (row[what] !== counted[what]) tell(`counts ${row[what]} ${what}, and has ${counted[what]}`)
  if (counted.messages > 0 && row.uidNext <= counted.lastUid)
    tell(`UIDNEXT ${row.uidNext} has been given: ${counted.lastUid}`)
  if (row.highestModSeq < counted.modSeq)
    tell(`HIGHESTMODSEQ ${row.highestModSeq} is below a message's, ${counted.modSeq}`)
  const state = check.reader
    .sql('SELECT mod_seq, uid_validity, removed FROM account_state WHERE account = ?')
    .get(row.account)
  if (state === undefined || state[2] === 1) tell('its account has no counters')
  else if (row.highestModSeq > Number(state[0]))
    tell(`HIGHESTMODSEQ ${row.highestModSeq} is above the account's, ${Number(state[0])}`)
  for (const what of ['changedModSeq', 'expungedModSeq', 'expungedFloor'] as const)
    if (row[what] > row.highestModSeq) tell(`${what} ${row[what]} is above HIGHESTMODSEQ`)
}

/** Pages of no mailbox, and accounts whose counters are not their mailboxes'. */
function checkStray({ reader, onFinding }: StoreCheck): void {
  const stray = reader.sql(
    'SELECT DISTINCT mailbox FROM mailbox_page WHERE mailbox NOT IN (SELECT id FROM mailbox) LIMIT 100',
  )
  for (const [mailbox] of stray.all())
    onFinding({ mailbox: Number(mailbox), text: 'pages of a mailbox that has no row' })
  const counts = reader.sql(
    `SELECT s.account, s.octets, s.messages, coalesce(sum(m.octets), 0), coalesce(sum(m.messages), 0) FROM account_state s
     LEFT JOIN mailbox m ON m.account = s.account AND m.name IS NOT NULL WHERE s.removed = 0 GROUP BY s.account`,
  )
  for (const [account = 0, octets = 0, messages = 0, allOctets = 0, all = 0] of counts
    .all()
    .map((row) => row.map(Number)))
    if (octets !== allOctets || messages !== all)
      onFinding({
        account,
        text: `counts ${messages} messages of ${octets} octets; its mailboxes have ${all} of ${allOctets}`,
      })
}
