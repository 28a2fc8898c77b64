/** SORT: messages in the order of some of their properties. RFC 5256 §3, RFC 5957. */
import { pauses, slicedSort } from '#src/base/mod.ts'
import type { SearchKey, SortCriterion } from '../../formats/imap/mod.ts'
import { parseAddressList } from '../../formats/address/mod.ts'
import { baseSubject, compareForms, decodeWords, unicodeCasemap } from '../../formats/message/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { MailboxId, MessageColumn } from './contract.ts'
import { relevancy } from './fuzzy.ts'
import type { KeptDates } from './kept-dates.ts'
import type { KeptLetters } from './kept-letters.ts'
import { messageBatch } from './message-batch.ts'
import { MESSAGE_BATCH } from './message-rows.ts'
import type { SearchParts, SearchRows } from './search.ts'
import { MessageText } from './search-text.ts'
import { isNumber, sortByNumbers } from './sort-numbers.ts'

/** A message whose row is looked at. */
export interface Looked {
  readonly seq: number
  /** undefined: it went away meanwhile. */
  readonly text: MessageText | undefined
  /** Date field, or when it came where there is none (RFC 5256 §2.2). */
  readonly sentMs: number
  readonly arrivedMs: number
  readonly sizeOctets: number
}

export interface Looking {
  readonly ctx: StoreContext
  readonly parts: SearchParts & { readonly dates: KeptDates; readonly letters: KeptLetters }
  readonly mailbox: MailboxId
  readonly account: AccountId
  /** Asked for anew after every pause. */
  readonly rows: () => SearchRows
}

/** What `make` makes of each message, with pauses for others. @param columns what it looks at; all, when undefined */
export async function lookAt<T>(
  { ctx, parts, account, rows }: Looking,
  seqs: readonly number[],
  make: (message: Looked) => T,
  columns?: readonly MessageColumn[],
): Promise<T[]> {
  const made: T[] = []
  const pause = pauses(ctx.clock)
  for (let from = 0; from < seqs.length; from += MESSAGE_BATCH) {
    const { entries, numbers } = rows()
    const batch = seqs.slice(from, from + MESSAGE_BATCH).map((seq) => ({ seq, place: numbers.placeOf(seq) }))
    const ids = batch.map(({ place }) => entries.message[place] ?? 0)
    const messages = messageBatch(ctx.db.read, account, ids, columns)
    const seen = batch.map(({ seq, place }, i) => {
      const message = messages[i]
      const arrivedMs = entries.dateMs[place] ?? 0
      return {
        seq,
        text: message && new MessageText(message, parts.read),
        sentMs: message === undefined || Number.isNaN(message.sentMs) ? arrivedMs : message.sentMs,
        arrivedMs,
        sizeOctets: entries.size[place] ?? 0,
      }
    })
    for (const one of seen) {
      made.push(make(one))
      await pause()
    }
  }
  return made
}

/** What is looked at of a row where header fields are asked for. */
export const HEADER_COLUMNS: readonly MessageColumn[] = ['content', 'listedFields', 'sentMs']

type Value = string | number

export async function sortMessages(
  looking: Looking,
  seqs: readonly number[],
  criteria: readonly SortCriterion[],
  key?: SearchKey,
): Promise<number[]> {
  if (criteria.every(isNumber)) return sortByNumbers(looking, seqs, criteria)
  const columns = criteria.some(({ key: by }) => by === 'RELEVANCY') ? undefined : HEADER_COLUMNS
  const make = (message: Looked): { seq: number; values: Value[] } => ({
    seq: message.seq,
    values: criteria.map((criterion) => valueOf(criterion, message, key)),
  })
  const lines = await lookAt(looking, seqs, make, columns)
  const byCriteria = (a: (typeof lines)[number], b: (typeof lines)[number]): number => {
    for (let i = 0; i < criteria.length; i++) {
      const order = compare(a.values[i]!, b.values[i]!)
      if (order !== 0) return criteria[i]!.reverse ? -order : order
    }
    return a.seq - b.seq // RFC 5256 §3: never reversed
  }
  const sorted = await slicedSort(lines, byCriteria, pauses(looking.ctx.clock))
  return sorted.map(({ seq }) => seq)
}

const compare = (a: Value, b: Value): number =>
  typeof a === 'string' && typeof b === 'string' ? compareForms(a, b) : a < b ? -1 : a > b ? 1 : 0

function valueOf(
  { key: criterion, collation = unicodeCasemap }: SortCriterion,
  { text, sentMs, arrivedMs, sizeOctets }: Looked,
  key: SearchKey | undefined,
): Value {
  switch (criterion) {
    case 'RELEVANCY':
      return text === undefined || key === undefined ? 0 : -relevancy(text, key) // the most relevant first
    case 'ARRIVAL':
      return Math.floor(arrivedMs / 1000) // as INTERNALDATE shows it
    case 'DATE':
      return sentMs
    case 'SIZE':
      return sizeOctets
    case 'SUBJECT':
      return collation.form(baseSubject(decodeWords(text?.value('subject') ?? '')).text)
    case 'CC':
    case 'FROM':
    case 'TO':
      return collation.form(firstAddress(text?.value(criterion.toLowerCase()) ?? '').mailbox)
    case 'DISPLAYFROM':
      return collation.form(firstAddress(text?.value('from') ?? '').display)
    case 'DISPLAYTO':
      return collation.form(firstAddress(text?.value('to') ?? '').display)
    default:
      return criterion satisfies never
  }
}

/** `addr-mailbox` as ENVELOPE has it, and what RFC 5957 §3 shows. */
function firstAddress(field: string): { mailbox: string; display: string } {
  const first = parseAddressList(field)[0]
  if (first === undefined || first.kind === 'end-group') return { mailbox: '', display: '' }
  if (first.kind === 'group') return { mailbox: first.name, display: first.name }
  const name = decodeWords(first.name)
  return { mailbox: first.local, display: name === '' ? `${first.local}@${first.domain}` : name }
}
