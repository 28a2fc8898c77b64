/** Mailboxes and messages as a database has them, without a store: for who reads one that nobody works in, as a backup's. */
import type { Reader } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId, StoredMessage } from './contract.ts'
import { readDictionary } from './dictionaries.ts'
import { mailboxesOf } from './mailbox-rows.ts'
import { messagesById, uidls } from './message-rows.ts'
import { pageFrom } from './pages.ts'
import { STAGED } from './names.ts'

export interface StoredMailbox {
  readonly id: MailboxId
  readonly name: string
  readonly messages: number
  readonly keywordVersion: number
}

export interface MailItem {
  readonly uid: number
  readonly uidl: string
  readonly flags: readonly string[]
  readonly internalDateMs: number
  readonly message: StoredMessage
}

export function storedMailboxes(reader: Reader, account: AccountId): StoredMailbox[] {
  return mailboxesOf(reader, account).flatMap(({ id, name, messages, keywordVersion, selectable }) =>
    name === undefined || !selectable || name.startsWith(STAGED) ? [] : [{ id, name, messages, keywordVersion }],
  )
}

/** In the order of their UIDs. @param isWanted by UID and row */
export function* storedMail(
  reader: Reader,
  account: AccountId,
  { id, keywordVersion }: StoredMailbox,
  isWanted: (uid: number, message: number) => boolean,
): Generator<MailItem> {
  const dictionary = readDictionary(reader, id, keywordVersion)
  for (let page = pageFrom(reader, id, 0); page !== undefined; page = pageFrom(reader, id, page.firstUid + 1)) {
    const { entries } = page
    const places = Array.from(entries.uid.keys()).filter((i) => isWanted(entries.uid[i] ?? 0, entries.message[i] ?? 0))
    const rows = places.map((i) => entries.message[i] ?? 0)
    const messages = messagesById(reader, account, rows)
    const names = uidls(reader, rows)
    for (const [n, i] of places.entries()) {
      const message = messages[n]
      if (message === undefined) continue // a row that is gone: `--verify` tells of it
      const flags = dictionary.words(entries.flags[i] ?? 0)
      yield { uid: entries.uid[i] ?? 0, uidl: names[n] ?? '', flags, internalDateMs: entries.dateMs[i] ?? 0, message }
    }
  }
}

/** Rows of messages with that Message-ID, which is given without angle brackets. */
export function messagesCalled(reader: Reader, account: AccountId, messageId: string): ReadonlySet<number> {
  const rows = reader.sql('SELECT id FROM message WHERE account = ? AND message_id = ?').all(account, messageId)
  return new Set(rows.map(([id]) => Number(id)))
}
