/**
 * SEARCH programs. RFC 9051 §6.4.4, RFC 4731 (RETURN), RFC 5032 (OLDER, YOUNGER), RFC 5182 ($), RFC 7162 (MODSEQ),
 * RFC 8474 (EMAILID, THREADID), RFC 8514 (SAVEDON …), RFC 6203 (FUZZY), RFC 9738.
 */
import { decodeCharset, knowsCharset } from '../message/mod.ts'
import type { SearchKey, SoughtText } from './contract.ts'
import { Cursor } from './cursor.ts'
import { takeDate } from './date-time.ts'
import { ImapError } from './error.ts'
import { type FetchItem, takeFetchItems } from './fetch.ts'
import { type FilterRead, type SearchContext, SearchProgram } from './search-program.ts'
import { and, DATES, FIELDS, flag, PLAIN } from './search-words.ts'
import { type PartialRange, takePartialRange } from './partial.ts'
import { takeSequenceSet } from './sequence-set.ts'

export type SearchReturn = 'MIN' | 'MAX' | 'ALL' | 'COUNT' | 'SAVE' | 'PARTIAL' | 'CONTEXT' | 'UPDATE' | 'RELEVANCY'

export interface SearchCommand {
  /** undefined: the old form, answered by `* SEARCH`. */
  readonly returns: readonly SearchReturn[] | undefined
  /** The window of PARTIAL (RFC 9394). */
  readonly partial: PartialRange | undefined
  /** What UPDATE wants fetched of new messages that match (RFC 5465 §7). */
  readonly updateItems?: readonly FetchItem[]
  readonly key: SearchKey
  /** FUZZY was among the keys (RFC 6203). */
  readonly fuzzy: boolean
  /** MODSEQ was among the keys: the answer carries the highest (RFC 7162 §3.1.5). */
  readonly modSeq: boolean
}

const RETURNS: ReadonlySet<string> = new Set([
  'MIN',
  'MAX',
  'ALL',
  'COUNT',
  'SAVE',
  'PARTIAL',
  'CONTEXT',
  'UPDATE',
  'RELEVANCY',
])

export function takeSearch(cursor: Cursor, context: SearchContext): SearchCommand {
  const returns = takeReturns(cursor)
  const named = cursor.skip('CHARSET ')
  if (named && context.utf8 === true) throw cursor.bad('CHARSET is not for a session that speaks UTF-8')
  const charset = named ? takeCharset(cursor) : 'utf-8'
  return withFuzzy(cursor, { ...returns, ...takeProgram(cursor, charset, context) })
}

/** `RETURN (…) `, where it stands. RFC 4731 §3.1, RFC 5267 §4, RFC 9394 §3.1. */
export function takeReturns(cursor: Cursor): Pick<SearchCommand, 'returns' | 'partial' | 'updateItems'> {
  if (!cursor.skip('RETURN ')) return { returns: undefined, partial: undefined }
  let partial: PartialRange | undefined
  let updateItems: readonly FetchItem[] = []
  const returns = cursor.takeList(() => {
    const word = cursor.takeAtom().toUpperCase()
    if (!RETURNS.has(word)) throw cursor.bad('Unknown search return option')
    if (word === 'PARTIAL') {
      if (partial !== undefined) throw cursor.bad('PARTIAL stands there once')
      cursor.takeSpace()
      partial = takePartialRange(cursor)
    }
    if (word === 'UPDATE') {
      if (cursor.rest.toString('latin1', 0, 2) === ' (') cursor.takeSpace() // as the example of RFC 5465 §7 has it
      if (cursor.peek() === '(') updateItems = takeFetchItems(cursor)
    }
    return word as SearchReturn // checked above
  })
  cursor.takeSpace()
  if (partial !== undefined && returns.includes('ALL')) throw cursor.bad('PARTIAL and ALL exclude each other')
  return { returns: returns.length === 0 ? ['ALL'] : returns, partial, updateItems }
}

/** With the blank behind it. */
export function takeCharset(cursor: Cursor): string {
  const charset = cursor.takeAString()
  if (!knowsCharset(charset)) throw new ImapError('NO', 'Unknown charset', { code: 'BADCHARSET (UTF-8 US-ASCII)' })
  cursor.takeSpace()
  return charset
}

export function takeProgram(
  cursor: Cursor,
  charset: string,
  context: SearchContext,
): Pick<SearchCommand, 'key' | 'modSeq' | 'fuzzy'> {
  const program = new SearchProgram(context)
  const key = new SearchParser(cursor, charset, program).program()
  return { key, modSeq: program.modSeq, fuzzy: program.fuzzy }
}

/** RFC 6203 §4: RELEVANCY needs a FUZZY key. */
export function withFuzzy<T extends SearchCommand>(cursor: Cursor, command: T): T {
  if (command.returns?.includes('RELEVANCY') === true && !command.fuzzy) throw cursor.bad('RELEVANCY needs FUZZY')
  return command
}

/** RFC 9738 §3.2. Without `*`, which may name a message below. */
function uidBeyond(word: 'UIDAFTER' | 'UIDBEFORE', uid: number): SearchKey {
  const [from, to] = word === 'UIDAFTER' ? [uid + 1, UID_MOST] : [1, uid - 1]
  return { key: 'UID', set: from <= to ? [[from, to]] : [] }
}

const UID_MOST = 0xffff_ffff

/** Filters within filters at the most (RFC 5466 §3.1: at least 3). */
const FILTER_DEPTH_LIMIT = 10

class SearchParser {
  readonly #cursor: Cursor
  readonly #charset: string
  readonly #program: SearchProgram
  /** Filters around what is read. */
  readonly #depth: number
  /** Levels of filters in what is read. */
  #height = 0
  /** The key being read is to be matched fuzzily. */
  #isFuzzy = false

  constructor(cursor: Cursor, charset: string, program: SearchProgram, depth = 0) {
    this.#cursor = cursor
    this.#charset = charset
    this.#program = program
    this.#depth = depth
  }

  program(): SearchKey {
    const keys = [this.#key()]
    while (this.#cursor.skipSpace()) {
      if (this.#cursor.done) break
      keys.push(this.#key())
    }
    return keys.length === 1 ? keys[0]! : and(...keys)
  }

  #key(): SearchKey {
    const cursor = this.#cursor
    this.#program.count(1, 0)
    const c = cursor.peek()
    if (c === '(') return cursor.nested(() => this.#group())
    if ((c >= '0' && c <= '9') || c === '*' || c === '$') return this.#set('SEQ')
    const word = cursor.takeAtom().toUpperCase()
    const plain = PLAIN[word]
    if (plain !== undefined) return plain
    if (DATES.has(word)) {
      cursor.takeSpace()
      return { key: word as 'ON', day: takeDate(cursor) } // one of DATES
    }
    if (FIELDS.has(word)) return { key: 'HEADER', field: word.toLowerCase(), ...this.#sought() }
    return this.#other(word)
  }

  #other(word: string): SearchKey {
    const cursor = this.#cursor
    switch (word) {
      case 'BODY':
      case 'TEXT':
        return { key: word, ...this.#sought() }
      case 'HEADER': {
        cursor.takeSpace()
        const field = cursor.takeAString().toLowerCase()
        return { key: 'HEADER', field, ...this.#sought() }
      }
      case 'EMAILID':
      case 'THREADID':
        cursor.takeSpace()
        return { key: word, id: cursor.takeObjectId() }
      case 'FUZZY':
        return cursor.nested(() => this.#fuzzyKey())
      case 'KEYWORD':
      case 'UNKEYWORD':
        cursor.takeSpace()
        return flag(cursor.takeFlag(), word === 'KEYWORD')
      case 'LARGER':
      case 'SMALLER':
        cursor.takeSpace()
        return { key: word, octets: cursor.takeNumber64() }
      case 'OLDER':
      case 'YOUNGER':
        cursor.takeSpace()
        return { key: word, seconds: cursor.takeNzNumber() }
      case 'NOT':
        cursor.takeSpace()
        return { key: 'NOT', not: cursor.nested(() => this.#key()) }
      case 'OR':
        return cursor.nested(() => this.#or())
      case 'UID':
        cursor.takeSpace()
        return this.#set('UID')
      case 'UIDAFTER':
      case 'UIDBEFORE':
        cursor.takeSpace()
        return uidBeyond(word, cursor.takeNzNumber())
      case 'FILTER':
        return this.#filter()
      case 'MODSEQ':
        return this.#modSeq()
      default:
        throw cursor.bad(`Unknown search key ${word}`)
    }
  }

  /** RFC 5466 §3.1; one that cannot be read is as one that is not there. */
  #filter(): SearchKey {
    this.#cursor.takeSpace()
    const name = this.#cursor.takeAtom()
    if (!/^utf-8$|^us-ascii$/i.test(this.#charset))
      throw new ImapError('BAD', 'Filters are in UTF-8', { code: 'BADCHARSET (UTF-8 US-ASCII)' })
    const filter = this.#program.filters.get(name.toLowerCase())
    if (filter !== undefined) this.#program.count(filter.keys, filter.ranges)
    const read = filter ?? this.#readFilter(name)
    if (read === undefined || this.#depth + read.height > FILTER_DEPTH_LIMIT)
      throw new ImapError('NO', 'No such filter', { code: `UNDEFINED-FILTER ${name}` })
    this.#height = Math.max(this.#height, read.height)
    return read.key
  }

  #readFilter(name: string): FilterRead | undefined {
    const program = this.#program
    const value = this.#depth >= FILTER_DEPTH_LIMIT ? undefined : program.context.filter?.(name)
    if (value === undefined) return undefined
    const before = { keys: program.keys, ranges: program.ranges }
    const cursor = new Cursor(value)
    const parser = new SearchParser(cursor, 'utf-8', program, this.#depth + 1)
    const key = parser.program()
    if (!cursor.done) return undefined
    const counts = { keys: program.keys - before.keys, ranges: program.ranges - before.ranges }
    const read = { key, ...counts, height: parser.#height + 1 }
    program.filters.set(name.toLowerCase(), read)
    return read
  }

  #group(): SearchKey {
    this.#cursor.take('(')
    const keys: SearchKey[] = []
    do keys.push(this.#key())
    while (this.#cursor.skipSpace())
    this.#cursor.take(')')
    return keys.length === 1 ? keys[0]! : and(...keys)
  }

  #or(): SearchKey {
    this.#cursor.takeSpace()
    const left = this.#key()
    this.#cursor.takeSpace()
    return { key: 'OR', left, right: this.#key() }
  }

  #set(key: 'SEQ' | 'UID'): SearchKey {
    const set = takeSequenceSet(this.#cursor)
    if (set === '$') return { key: 'UID', set: this.#program.saved }
    this.#program.count(0, set.length)
    if (key === 'SEQ' && this.#program.context.uidOnly === true)
      throw new ImapError('BAD', 'Messages have no numbers here', { code: 'UIDREQUIRED' })
    return { key, set }
  }

  #fuzzyKey(): SearchKey {
    this.#cursor.takeSpace()
    const before = this.#isFuzzy
    this.#isFuzzy = this.#program.fuzzy = true
    const key = this.#key()
    this.#isFuzzy = before
    return key
  }

  #sought(): SoughtText {
    const text = this.#text()
    const { comparator } = this.#program.context
    return { text, ...(this.#isFuzzy && { fuzzy: true }), ...(comparator && { collation: comparator.collation }) }
  }

  #text(): string {
    this.#cursor.takeSpace()
    return decodeCharset(this.#cursor.takeAStringOctets(), this.#charset)
  }

  /** `MODSEQ [entry-name entry-type] n`. */
  #modSeq(): SearchKey {
    const cursor = this.#cursor
    cursor.takeSpace()
    if (cursor.peek() === '"') {
      cursor.takeString()
      cursor.takeSpace()
      cursor.takeAtom()
      cursor.takeSpace()
    }
    this.#program.modSeq = true
    return { key: 'MODSEQ', modSeq: BigInt(cursor.takeNumber64()) }
  }
}
