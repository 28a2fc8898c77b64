/** SORT and THREAD: what comes before the search program. RFC 5256 §5, RFC 5267 §3.1 (RETURN), RFC 5957. */
import type { SortCriterion, ThreadAlgorithm } from './contract.ts'
import type { Cursor } from './cursor.ts'
import { type SearchCommand, takeCharset, takeProgram, takeReturns, withFuzzy } from './search.ts'
import type { SearchContext } from './search-program.ts'

/** Criteria of one SORT at the most: each once, and some to spare. */
export const SORT_CRITERIA_LIMIT = 20

const KEYS: ReadonlySet<string> = new Set([
  'ARRIVAL',
  'RELEVANCY',
  'CC',
  'DATE',
  'DISPLAYFROM',
  'DISPLAYTO',
  'FROM',
  'SIZE',
  'SUBJECT',
  'TO',
])

export interface SortCommand extends SearchCommand {
  readonly criteria: readonly SortCriterion[]
}

/** `[RETURN (…)] (criteria) charset keys`. */
export function takeSort(cursor: Cursor, context: SearchContext): SortCommand {
  const returns = takeReturns(cursor)
  const criteria = cursor.takeList(() => takeCriterion(cursor, context))
  if (criteria.length === 0) throw cursor.bad('Expected sort criteria')
  if (criteria.length > SORT_CRITERIA_LIMIT) throw cursor.bad('Too many sort criteria')
  cursor.takeSpace()
  const program = takeProgram(cursor, takeCharset(cursor), context)
  if (criteria.some(({ key }) => key === 'RELEVANCY') && !program.fuzzy) throw cursor.bad('RELEVANCY needs FUZZY')
  return withFuzzy(cursor, { ...returns, criteria, ...program })
}

function takeCriterion(cursor: Cursor, { comparator }: SearchContext): SortCriterion {
  const reverse = cursor.skip('REVERSE ')
  const key = cursor.takeAtom().toUpperCase()
  if (!KEYS.has(key)) throw cursor.bad(`Unknown sort criterion ${key}`)
  const criterion = { key: key as SortCriterion['key'], reverse } // one of KEYS
  if (comparator === undefined || !TEXTS.has(key)) return criterion
  return { ...criterion, reverse: reverse !== comparator.descending, collation: comparator.collation }
}

/** What is compared as text. */
const TEXTS: ReadonlySet<string> = new Set(['CC', 'DISPLAYFROM', 'DISPLAYTO', 'FROM', 'SUBJECT', 'TO'])

export interface ThreadCommand extends Pick<SearchCommand, 'key'> {
  readonly algorithm: ThreadAlgorithm
}

/** `algorithm charset keys`. */
export function takeThread(cursor: Cursor, context: SearchContext): ThreadCommand {
  const algorithm = cursor.takeAtom().toUpperCase()
  if (algorithm !== 'ORDEREDSUBJECT' && algorithm !== 'REFERENCES' && algorithm !== 'REFS')
    throw cursor.bad('Unknown threading algorithm')
  cursor.takeSpace()
  return { algorithm, key: takeProgram(cursor, takeCharset(cursor), context).key }
}
