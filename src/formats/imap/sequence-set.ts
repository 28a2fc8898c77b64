/** Sequence sets. RFC 9051 §9 `sequence-set`. */
import type { SequenceSet } from './contract.ts'
import { type Cursor, LIST_LIMIT } from './cursor.ts'

/** A set of UIDs or numbers, or `$`: what the last SEARCH saved (RFC 5182). */
export function takeSequenceSet(cursor: Cursor): SequenceSet | '$' {
  if (cursor.skip('$')) return '$'
  const ranges: (readonly [number | '*', number | '*'])[] = []
  do {
    if (ranges.length >= LIST_LIMIT) throw cursor.bad('The sequence set is too long')
    const from = takeSeqNumber(cursor)
    ranges.push([from, cursor.skip(':') ? takeSeqNumber(cursor) : from])
  } while (cursor.skip(','))
  return ranges
}

function takeSeqNumber(cursor: Cursor): number | '*' {
  return cursor.skip('*') ? '*' : cursor.takeNzNumber()
}

/** Ranges in ascending order, without overlaps; `*` is `largest`. */
export function normalise(set: SequenceSet, largest: number): [number, number][] {
  const ranges = set
    .map(([a, b]): [number, number] => {
      const from = a === '*' ? largest : a
      const to = b === '*' ? largest : b
      return from <= to ? [from, to] : [to, from]
    })
    .toSorted((x, y) => x[0] - y[0])
  const merged: [number, number][] = []
  for (const range of ranges) {
    const last = merged.at(-1)
    if (last !== undefined && range[0] <= last[1] + 1) last[1] = Math.max(last[1], range[1])
    else merged.push(range)
  }
  return merged
}

/** Numbers that follow each other joined. */
export function* rangesOf(numbers: Iterable<number>): Generator<readonly [number, number], undefined> {
  let from = Number.NaN
  let to = Number.NaN
  for (const n of numbers) {
    if (n !== to + 1) {
      if (!Number.isNaN(from)) yield [from, to]
      from = n
    }
    to = n
  }
  if (!Number.isNaN(from)) yield [from, to]
}

/** `1:3,7`, from ascending numbers. */
export function printSet(numbers: Iterable<number>): string {
  const parts: string[] = []
  for (const [from, to] of rangesOf(numbers)) parts.push(from === to ? String(from) : `${from}:${to}`)
  return parts.join(',')
}
