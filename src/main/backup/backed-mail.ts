/** The mail of one generation, to be read: mailboxes of an account, and messages octet by octet. */
import { closeSync, readSync } from 'node:fs'
import { join } from 'node:path'
import type { Reader, SqliteDb } from '../../io/db/mod.ts'
import { type MailItem, messagesCalled, storedMail, type StoredMailbox, storedMailboxes } from '../../mail/store/mod.ts'
import { type FolderMessage, inBatches, MESSAGE_LIMIT, type OpenFolder } from '../folders/contract.ts'
import { openMailDatabase } from '../server/database.ts'
import { openFile, sumOf } from './copy.ts'
import { BackupError, type Manifest, readManifest } from './manifest.ts'

/** Which messages; all of what is left out. */
export interface Wanted {
  readonly mailbox?: string | undefined
  readonly uid?: number | undefined
  readonly messageId?: string | undefined
}

export class BackedMail {
  readonly #dir: string
  readonly #manifest: Manifest
  readonly #db: SqliteDb
  /** Open segments, each of which is what was written. */
  readonly #segments = new Map<number, number>()
  readonly account: number

  /** @param name user, or user@domain @throws BackupError */
  constructor(dir: string, generation: string, name: string) {
    this.#dir = dir
    this.#manifest = readManifest(dir, generation)
    const path = join(dir, 'generations', generation, 'mail.db')
    const database = this.#manifest.files.find((file) => file.path === 'mail.db')
    if (database === undefined || sumOf(path, database.octets, () => {}) !== database.sha256)
      throw new BackupError(`the database of ${generation} is damaged: take another generation`)
    this.#db = openMailDatabase(path, { readOnly: true })
    const account = accountCalled(this.#db.read, name)
    if (account === undefined) {
      this.close()
      throw new BackupError(`there is no account ${name} in ${generation}`)
    }
    this.account = account
  }

  /** Those with something of what is wanted. Throws BackupError where there is none. */
  mailboxes(wanted: Wanted): StoredMailbox[] {
    const all = storedMailboxes(this.#db.read, this.account)
    const found = all.filter(({ name }) => wanted.mailbox === undefined || name === wanted.mailbox)
    if (found.length === 0) throw new BackupError(`there is no mailbox ${wanted.mailbox} in it`)
    if (wanted.uid === undefined && wanted.messageId === undefined) return found
    const some = found.filter((mailbox) => this.items(mailbox, wanted).next().done !== true)
    if (some.length === 0) throw new BackupError('there is no such message in it')
    return some
  }

  items(mailbox: StoredMailbox, { uid, messageId }: Wanted): Generator<MailItem> {
    const called = messageId === undefined ? undefined : messagesCalled(this.#db.read, this.account, messageId)
    const isWanted = (one: number, message: number): boolean =>
      (uid === undefined || uid === one) && (called === undefined || called.has(message))
    return storedMail(this.#db.read, this.account, mailbox, isWanted)
  }

  /** In wire form, as IMAP would give it. */
  content({ message }: MailItem): Buffer {
    const { prefix, at } = message
    if (message.sizeOctets > MESSAGE_LIMIT)
      throw new BackupError(`a message of ${message.sizeOctets} octets is too large`)
    const octets = Buffer.allocUnsafe(prefix.length + at.length)
    prefix.copy(octets)
    const fd = this.#segment(at.segment)
    for (let done = 0; done < at.length;) {
      const read = readSync(fd, octets, prefix.length + done, at.length - done, at.offset + done)
      if (read === 0) throw new BackupError(`segment ${at.segment} ends too early`)
      done += read
    }
    return octets
  }

  /** As a folder that is imported. @param isMissing which of them, by UIDL; where only those are wanted they keep it */
  folder(mailbox: StoredMailbox, wanted: Wanted, isMissing?: (uidl: string) => boolean): OpenFolder {
    const messages = function* (this: BackedMail): Generator<FolderMessage> {
      for (const item of this.items(mailbox, wanted)) {
        const { uid, uidl, flags, internalDateMs } = item
        if (isMissing?.(uidl) === false) continue
        const kept = flags.filter((flag) => flag !== '\\Deleted')
        const content = this.content(item)
        yield { known: String(uid), content, flags: kept, internalDateMs, uidl: isMissing && uidl }
      }
    }
    const batches = (): Generator<readonly FolderMessage[]> => inBatches(messages.call(this))
    return {
      uidValidity: undefined,
      uidNext: undefined,
      expected: mailbox.messages,
      batches,
      close: () => Promise.resolve(),
    }
  }

  close(): void {
    for (const fd of this.#segments.values()) closeSync(fd)
    this.#segments.clear()
    this.#db.close()
  }

  #segment(number: number): number {
    const open = this.#segments.get(number)
    if (open !== undefined) return open
    const segment = this.#manifest.segments.find((one) => one.number === number)
    if (segment === undefined) throw new BackupError(`segment ${number} is not in the backup`)
    const path = join(this.#dir, 'segments', segment.file)
    if (sumOf(path, segment.octets, () => {}) !== segment.sha256)
      throw new BackupError(`segment ${segment.file} is damaged; \`postigo backup --verify\` says what else is`)
    if (this.#segments.size >= OPEN_SEGMENTS) this.#closeOldest()
    const fd = openFile(path)
    this.#segments.set(number, fd)
    return fd
  }

  #closeOldest(): void {
    const [oldest] = this.#segments
    if (oldest === undefined) return
    closeSync(oldest[1])
    this.#segments.delete(oldest[0])
  }
}

const OPEN_SEGMENTS = 256

function accountCalled(reader: Reader, name: string): number | undefined {
  const at = name.lastIndexOf('@')
  const [user, domain] = at < 0 ? [name, ''] : [name.slice(0, at), name.slice(at + 1)]
  const row = reader.sql('SELECT id FROM account WHERE local_part = ? AND domain = ?').get(user, domain.toLowerCase())
  return row === undefined ? undefined : Number(row[0])
}
