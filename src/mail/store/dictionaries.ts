/** Rows of `mailbox_keywords`, and the dictionaries of this thread. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { MailboxId } from './contract.ts'
import { Dictionary } from './keywords.ts'

/** Dictionaries kept in memory; beyond it the one used longest ago goes. */
const KEPT = 256

/** What a mailbox's flag numbers mean. */
export class Dictionaries {
  readonly #kept = new Map<MailboxId, Dictionary>()

  /** The dictionary as committed at `version`; shared, not to be added to. Only for committed reads. */
  get(reader: Reader, mailbox: MailboxId, version: number): Dictionary {
    let dictionary = this.#kept.get(mailbox)
    if (dictionary?.version !== version) dictionary = readDictionary(reader, mailbox, version)
    this.#kept.delete(mailbox)
    this.#kept.set(mailbox, dictionary)
    if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value ?? mailbox)
    return dictionary
  }
}

/** A dictionary of one's own, inside a transaction: it may be added to, and is then written with `saveDictionary`. */
export function readDictionary(reader: Reader, mailbox: MailboxId, version: number): Dictionary {
  if (version === 0) return Dictionary.empty()
  const row = reader.sql('SELECT data FROM mailbox_keywords WHERE mailbox = ?').get(mailbox)
  if (row === undefined) throw new Error(`No keywords of mailbox ${mailbox}`)
  return Dictionary.parse(String(row[0]))
}

export function saveDictionary(tx: Tx, mailbox: MailboxId, dictionary: Dictionary): void {
  if (!dictionary.grown) return
  tx.sql('INSERT OR REPLACE INTO mailbox_keywords (mailbox, data) VALUES (?, ?)').run(mailbox, dictionary.text)
  tx.sql('UPDATE mailbox SET keyword_version = ? WHERE id = ?').run(dictionary.version, mailbox)
}
