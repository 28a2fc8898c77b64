/** What all keys of one SEARCH program share, those of filters that it names too: `$`, filters, and how much there may be. */
import type { Comparator, SearchKey, SequenceSet } from './contract.ts'
import { ImapError } from './error.ts'
import { rangesOf } from './sequence-set.ts'

/** Keys of one program at the most. */
export const SEARCH_KEY_LIMIT = 10_000

/** Ranges in all sequence sets of one program at the most; a filter's count each time it is named. */
export const SEARCH_RANGES_LIMIT = 100_000

/** What a program means depends on the session: `$`. */
export interface SearchContext {
  /** The result of the last SEARCH with SAVE, as UIDs, ascending. */
  readonly saved: readonly number[]
  /** Sequence numbers mean nothing in this session (RFC 9586). */
  readonly uidOnly?: boolean
  /** RFC 6855 §3: all strings are UTF-8, and CHARSET is refused. */
  readonly utf8?: boolean
  /** How text is compared; i;unicode-casemap, when undefined. */
  readonly comparator?: Comparator
  /** The search that a name stands for (RFC 5466). */
  readonly filter?: (name: string) => Buffer | undefined
}

/** A filter as it was read, and what it adds to the program each time. */
export interface FilterRead {
  readonly key: SearchKey
  readonly keys: number
  readonly ranges: number
  /** Levels of filters: 1 where it names none. */
  readonly height: number
}

export class SearchProgram {
  readonly context: SearchContext
  /** By name in small letters: each is read once, however often it is named. */
  readonly filters = new Map<string, FilterRead>()
  modSeq = false
  fuzzy = false
  #keys = 0
  #ranges = 0
  #saved: SequenceSet | undefined

  constructor(context: SearchContext) {
    this.context = context
  }

  get keys(): number {
    return this.#keys
  }
  get ranges(): number {
    return this.#ranges
  }

  /** `$`: one and the same set wherever it stands, so that it counts for nothing. */
  get saved(): SequenceSet {
    return (this.#saved ??= [...rangesOf(this.context.saved)])
  }

  count(keys: number, ranges: number): void {
    this.#keys += keys
    this.#ranges += ranges
    if (this.#keys > SEARCH_KEY_LIMIT) throw new ImapError('NO', 'Too many search keys', { code: 'LIMIT' })
    if (this.#ranges > SEARCH_RANGES_LIMIT) throw new ImapError('NO', 'Too many ranges', { code: 'LIMIT' })
  }
}
