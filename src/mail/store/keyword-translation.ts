/** Keyword sets of one mailbox's dictionary in that of another. */
import type { Tx } from '../../io/db/mod.ts'
import { readDictionary, saveDictionary } from './dictionaries.ts'
import type { MailboxRow } from './mailbox-rows.ts'

type Source = Pick<MailboxRow, 'id' | 'keywordVersion'>

/** What does not fit any more is left out. @param limit mailbox_keyword_limit */
export function translation(tx: Tx, source: Source, target: Source, limit: number): (flags: number) => number {
  if (source.id === target.id || source.keywordVersion === 0) return (flags) => flags
  const from = readDictionary(tx, source.id, source.keywordVersion)
  const to = readDictionary(tx, target.id, target.keywordVersion)
  const sets = new Map<number, number>([[0, 0]])
  return (flags) => {
    const set = flags >>> 8
    let translated = sets.get(set)
    if (translated === undefined) {
      translated = to.encode(from.words((set << 8) >>> 0), limit, true) >>> 8
      sets.set(set, translated)
      saveDictionary(tx, target.id, to)
    }
    return ((flags & 0xff) | (translated << 8)) >>> 0
  }
}
