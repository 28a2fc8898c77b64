/**
 * SEARCH: exactly RFC 9051 §6.4.4. First by the view alone, in three values (yes, no, not known yet); what is left open
 * is decided with the message's row and, only where that is not enough, its content.
 */
import { pauses } from '#src/base/mod.ts'
import type { SearchKey } from '../../formats/imap/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId } from './contract.ts'
import type { Entries } from './entries.ts'
import type { Dictionary } from './keywords.ts'
import { MESSAGE_BATCH, savedTimes, searchedById } from './message-rows.ts'
import type { Numbers } from './numbers.ts'
import type { Recents } from './recents.ts'
import { asksWhenSaved, compileKey, type Matcher, soughtBy, type Subject, textKeys } from './search-keys.ts'
import { Narrowing } from './search-narrowing.ts'
import { MessageText, type ReadContent } from './search-text.ts'

/** A session's mailbox as search looks at it; asked for anew after every pause, for the view may have moved. */
export interface SearchRows {
  readonly entries: Entries
  readonly numbers: Numbers
  readonly dictionary: Dictionary
  readonly recents: Recents
}

/** What is sought, and who hears how many of the messages that must be read have been. */
export interface Asked {
  readonly account: AccountId
  readonly mailbox: MailboxId
  readonly key: SearchKey
  readonly onProgress?: ((done: number, goal: number) => void) | undefined
  /** Only these sequence numbers, ascending; all of them, when undefined. */
  readonly among?: readonly number[] | undefined
}

export interface SearchParts {
  readonly read: ReadContent
}

/** A message larger than this is read with pauses. */
const LARGE = 1_048_576
/** Messages looked at between two looks at the clock. */
const STRIDE = 2048

export async function searchMailbox(
  ctx: StoreContext,
  parts: SearchParts,
  { account, mailbox, key, onProgress, among }: Asked,
  rows: () => SearchRows,
): Promise<number[]> {
  const { entries, numbers } = rows()
  const { count } = numbers
  const lastUid = entries.uid[numbers.placeOf(count)] ?? 0
  const narrowing = ctx.settings.search_index ? Narrowing.of(key) : undefined
  const matcher = compileKey(key, { count, lastUid, nowMs: ctx.clock.now() }, narrowing)
  const pause = pauses(ctx.clock)
  const sought = textKeys(key)
    .filter((one) => one.key !== 'HEADER' && one.fuzzy !== true)
    .map(soughtBy)
  const whenSaved = asksWhenSaved(key)
  const { found, open: unknown } = await byView(rows, among ?? { length: count }, matcher, pause)
  let open = unknown
  if (narrowing !== undefined && open.length > 0) {
    await narrowing.load(ctx.db.read, account, messagesOf(rows(), open), pause)
    const narrowed = await byView(rows, open, matcher, pause)
    for (const seq of narrowed.found) found.push(seq)
    open = narrowed.open
  }
  for (let from = 0; from < open.length; from += MESSAGE_BATCH) {
    const seqs = open.slice(from, from + MESSAGE_BATCH)
    onProgress?.(from, open.length)
    const { entries: now, numbers: map } = rows()
    const places = seqs
      .map((seq) => map.placeOf(seq))
      .map((i) => ({ message: now.message[i] ?? 0, uid: now.uid[i] ?? 0 }))
    const ids = places.map(({ message }) => message)
    const messages = searchedById(ctx.db.read, account, ids)
    const saved = whenSaved ? savedTimes(ctx.db.read, mailbox, places) : []
    for (const [i, seq] of seqs.entries()) {
      const message = messages[i]
      if (message === undefined) continue // it went away meanwhile, and matches nothing
      const text = new MessageText(message, parts.read)
      if (message.sizeOctets > LARGE) for (const one of sought) await text.prepare(one, pause)
      if (matchesWith({ text, savedMs: saved[i] }, seq, rows(), matcher)) found.push(seq)
      await pause()
    }
  }
  return unknown.length === 0 ? found : found.sort((a, b) => a - b)
}

function messagesOf({ entries, numbers }: SearchRows, seqs: readonly number[]): Float64Array {
  const messages = new Float64Array(seqs.length)
  for (const [i, seq] of seqs.entries()) messages[i] = entries.message[numbers.placeOf(seq)] ?? 0
  return messages
}

/** @param among sequence numbers, or how many there are in all */
async function byView(
  rows: () => SearchRows,
  among: ArrayLike<number>,
  matcher: Matcher,
  pause: () => Promise<void> | undefined,
): Promise<{ found: number[]; open: number[] }> {
  const found: number[] = []
  const open: number[] = []
  for (let i = 0; i < among.length;) {
    const { entries, numbers, dictionary, recents } = rows()
    const subject: Subject = { seq: 0, place: 0, entries, dictionary, recents, text: undefined, savedMs: undefined }
    for (const end = Math.min(among.length, i + STRIDE); i < end; i++) {
      const seq = among[i] ?? i + 1
      subject.seq = seq
      subject.place = numbers.placeOf(seq)
      const matches = matcher(subject)
      if (matches === undefined) open.push(seq)
      else if (matches) found.push(seq)
    }
    await pause()
  }
  return { found, open }
}

function matchesWith(
  read: Pick<Subject, 'text' | 'savedMs'>,
  seq: number,
  { entries, numbers, dictionary, recents }: SearchRows,
  matcher: Matcher,
): boolean {
  return matcher({ seq, place: numbers.placeOf(seq), entries, dictionary, recents, ...read }) === true
}
