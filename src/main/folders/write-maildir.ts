/** A mailbox as a folder of a Maildir++, with the lists that Dovecot keeps beside it. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { parseMaildirName, printMaildirFlags } from '../../formats/folders/mod.ts'
import { encodeMailbox } from '../../formats/imap/mod.ts'
import type { ExportedMailbox, ExportedMessage } from '../server/export-control.ts'

const DIRECTORY = 0o700
const FILE = 0o600

/** Takes the messages of one mailbox, in the order of their UIDs. */
export class MaildirWriter {
  readonly #path: string
  readonly #mailbox: ExportedMailbox
  /** Files that are there already, by the part of the name that stays. */
  readonly #there: ReadonlySet<string>
  readonly #uids: string[] = []

  /** @param root of the Maildir */
  constructor(root: string, mailbox: ExportedMailbox) {
    this.#mailbox = mailbox
    this.#path = mailbox.name === 'INBOX' ? root : join(root, folderName(mailbox.name))
    for (const sub of ['', 'cur', 'new', 'tmp']) mkdirSync(join(this.#path, sub), { recursive: true, mode: DIRECTORY })
    if (mailbox.name !== 'INBOX') writeFileSync(join(this.#path, 'maildirfolder'), '', { mode: FILE })
    const names = ['cur', 'new'].flatMap((sub) => readdirSync(join(this.#path, sub)))
    this.#there = new Set(names.map((name) => parseMaildirName(name).unique))
  }

  /** False: it is there from an earlier run. @param text with LF */
  add({ uid, uidl, flags, internalDateMs }: ExportedMessage, text: Buffer): boolean {
    const { uidValidity, keywords } = this.#mailbox
    const unique = `${Math.floor(internalDateMs / 1000)}.U${uid}V${uidValidity}.postigo`
    this.#uids.push(`${uid} P${uidl} :${unique}\n`)
    if (this.#there.has(unique)) return false
    const temporary = join(this.#path, 'tmp', unique)
    const fd = openSync(temporary, 'w', FILE)
    try {
      for (let at = 0; at < text.length;) at += writeSync(fd, text, at)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    utimesSync(temporary, internalDateMs / 1000, internalDateMs / 1000)
    renameSync(temporary, join(this.#path, 'cur', `${unique}${printMaildirFlags(flags, keywords)}`))
    return true
  }

  /** Lists that are there are another server's, and know more. */
  end(): void {
    const { uidValidity, uidNext, keywords } = this.#mailbox
    const list = join(this.#path, 'dovecot-uidlist')
    if (!existsSync(list)) writeFileSync(list, `3 V${uidValidity} N${uidNext}\n${this.#uids.join('')}`, { mode: FILE })
    const words = join(this.#path, 'dovecot-keywords')
    const text = keywords.slice(0, 26).map((word, i) => `${i} ${word}\n`)
    if (text.length > 0 && !existsSync(words)) writeFileSync(words, text.join(''), { mode: FILE })
  }
}

export function writeSubscriptions(root: string, mailboxes: readonly ExportedMailbox[]): void {
  const names = mailboxes.filter(({ subscribed, name }) => subscribed && name !== 'INBOX')
  const path = join(root, 'subscriptions')
  if (existsSync(path)) return
  const lines = names.map(({ name }) => `${folderName(name).slice(1)}\n`)
  writeFileSync(path, lines.join(''), { mode: FILE })
}

/** Maildir++ parts levels by dots; one within a name becomes `_`. */
function folderName(name: string): string {
  return `.${encodeMailbox(name.replaceAll('.', '_').replaceAll('/', '.'))}`
}
