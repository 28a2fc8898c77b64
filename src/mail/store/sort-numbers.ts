/** SORT by what the view and the kept dates say alone: no row is looked at. RFC 5256 §3. */
import type { SortCriterion } from '../../formats/imap/mod.ts'
import type { SearchRows } from './search.ts'
import type { Looking } from './sort.ts'

export type NumberCriterion = SortCriterion & { readonly key: 'ARRIVAL' | 'DATE' | 'SIZE' }

export const isNumber = (one: SortCriterion): one is NumberCriterion =>
  one.key === 'ARRIVAL' || one.key === 'DATE' || one.key === 'SIZE'

export async function sortByNumbers(
  { parts, account, mailbox, rows }: Looking,
  seqs: readonly number[],
  criteria: readonly NumberCriterion[],
): Promise<number[]> {
  const sent = criteria.some(({ key }) => key === 'DATE')
    ? await parts.dates.of(account, mailbox, rows)
    : new Float64Array(0)
  const columns = criteria.map((criterion) => valuesOf(criterion, seqs, rows(), sent))
  // Mail mostly comes in its order: the sort of arrays, unlike that of typed ones, is quick then.
  return [...seqs].sort((a, b) => {
    for (const values of columns) {
      const order = (values[a] ?? 0) - (values[b] ?? 0)
      if (order !== 0) return order
    }
    return a - b // RFC 5256 §3: never reversed
  })
}

/** By sequence number. */
function valuesOf(
  { key, reverse }: NumberCriterion,
  seqs: readonly number[],
  { entries, numbers }: SearchRows,
  sent: Float64Array,
): Float64Array {
  const values = new Float64Array(numbers.count + 1)
  for (const seq of seqs) {
    const place = numbers.placeOf(seq)
    const arrivedMs = entries.dateMs[place] ?? 0
    let value = arrivedMs
    if (key === 'SIZE') value = entries.size[place] ?? 0
    else if (key === 'ARRIVAL') value = Math.floor(arrivedMs / 1000) // as INTERNALDATE shows it
    else if (Number.isFinite(sent[place])) value = sent[place]!
    values[seq] = reverse ? -value : value
  }
  return values
}
