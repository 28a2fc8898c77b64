/**
 * Flags as one number a message: the low octet holds the system flags, the 24 bits above it the number of a keyword
 * set in the mailbox's dictionary. Sets are few (clients use the same handful together), so a mailbox may have far
 * more keywords than a number has bits, and whatever is computed of a set is computed once.
 *
 * A dictionary only grows; a number once given keeps its meaning. It is one row of `mailbox_keywords`, as JSON.
 */

export const SEEN = 1
export const ANSWERED = 2
export const FLAGGED = 4
export const DELETED = 8
export const DRAFT = 16
/** Never stored: \Recent belongs to a session. Kept free in the number for the contract's sake. */
export const RECENT = 32
export const SYSTEM_BITS = SEEN | ANSWERED | FLAGGED | DELETED | DRAFT

/** Keyword sets a mailbox may hold; a flag command that needs one more is refused. */
export const KEYWORD_SET_LIMIT = 16_384

/** Octets of one keyword. */
export const KEYWORD_OCTETS_LIMIT = 255

/** RFC 9051 §2.3.2, in the order of their bits. */
const SYSTEM_FLAGS = ['\\Seen', '\\Answered', '\\Flagged', '\\Deleted', '\\Draft'] as const

const SYSTEM_BY_NAME: ReadonlyMap<string, number> = new Map(SYSTEM_FLAGS.map((flag, i) => [flag.toLowerCase(), 1 << i]))

/** The bit of a system flag, 0 for a keyword. RFC 9051 §2.3.2: without regard to case. */
export function systemBit(flag: string): number {
  return flag.startsWith('\\') ? (SYSTEM_BY_NAME.get(flag.toLowerCase()) ?? 0) : 0
}

/** Thrown where a mailbox's dictionary is full; becomes a refusal. */
export class KeywordLimitError extends Error {}

interface DictionaryData {
  readonly keywords: readonly string[]
  readonly sets: readonly (readonly number[])[]
}

/** The keywords of a mailbox and the sets of them in use. Set 0 is the empty set. */
export class Dictionary {
  readonly #keywords: string[]
  readonly #places: Map<string, number>
  readonly #sets: (readonly number[])[]
  readonly #numbers: Map<string, number>
  readonly #words = new Map<number, readonly string[]>()
  readonly #recentWords = new Map<number, readonly string[]>()
  readonly #stored: number

  private constructor(data: DictionaryData) {
    this.#keywords = [...data.keywords]
    this.#places = new Map(data.keywords.map((keyword, i) => [keyword.toLowerCase(), i]))
    this.#sets = [...data.sets]
    this.#numbers = new Map(data.sets.map((set, i) => [set.join(), i]))
    this.#stored = this.version
  }

  static empty(): Dictionary {
    return new Dictionary({ keywords: [], sets: [[]] })
  }

  /** @param text as `text` wrote it */
  static parse(text: string): Dictionary {
    return new Dictionary(JSON.parse(text) as DictionaryData) // only `text` writes the column
  }

  /** As stored in `mailbox_keywords.data`. */
  get text(): string {
    return JSON.stringify({ keywords: this.#keywords, sets: this.#sets })
  }

  /** Rises with everything added; what `mailbox.keyword_version` holds. */
  get version(): number {
    return this.#keywords.length + this.#sets.length - 1
  }

  /** Whether something was added since it was read. */
  get grown(): boolean {
    return this.version > this.#stored
  }

  get keywords(): readonly string[] {
    return this.#keywords
  }

  /** The words of a number, the same array for the same number. */
  words(flags: number, recent = false): readonly string[] {
    const cache = recent ? this.#recentWords : this.#words
    let words = cache.get(flags)
    if (words === undefined) {
      words = this.#wordsOf(flags, recent)
      cache.set(flags, words)
    }
    return words
  }

  #wordsOf(flags: number, recent: boolean): readonly string[] {
    const system: string[] = SYSTEM_FLAGS.filter((_, i) => flags & (1 << i))
    if (recent) system.push('\\Recent')
    const set = this.#sets[flags >>> 8] ?? []
    return Object.freeze([...system, ...set.map((place) => this.#keywords[place] ?? '')])
  }

  /** Whether a number says that `flag` is set; any case. */
  has(flags: number, flag: string): boolean {
    const bit = systemBit(flag)
    if (bit !== 0) return (flags & bit) !== 0
    const place = this.#places.get(flag.toLowerCase())
    return place !== undefined && (this.#sets[flags >>> 8]?.includes(place) ?? false)
  }

  /**
   * The number for these words. New keywords and sets are added to the dictionary.
   * Unknown words with a backslash (`\Recent`, `\Foo`) are not flags that can be stored, and left out.
   * @throws KeywordLimitError past `limit` keywords, unless `lenient`: then those that do not fit are left out
   */
  encode(flags: readonly string[], limit: number, lenient = false): number {
    let bits = 0
    const places: number[] = []
    for (const flag of flags) {
      if (flag.startsWith('\\')) bits |= systemBit(flag)
      else {
        const place = this.#place(flag, limit, lenient)
        if (place !== undefined) places.push(place)
      }
    }
    return (bits | (this.#setOf(places, lenient) << 8)) >>> 0
  }

  #place(keyword: string, limit: number, lenient: boolean): number | undefined {
    const folded = keyword.toLowerCase()
    const known = this.#places.get(folded)
    if (known !== undefined) return known
    if (this.#keywords.length >= limit || Buffer.byteLength(keyword) > KEYWORD_OCTETS_LIMIT) {
      if (lenient) return undefined
      throw new KeywordLimitError(`No more than ${limit} keywords in a mailbox`)
    }
    this.#places.set(folded, this.#keywords.length)
    return this.#keywords.push(keyword) - 1
  }

  #setOf(places: readonly number[], lenient: boolean): number {
    if (places.length === 0) return 0
    const set = [...new Set(places)].sort((a, b) => a - b)
    const key = set.join()
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.#sets.length >= KEYWORD_SET_LIMIT) {
      if (lenient) return 0
      throw new KeywordLimitError('Too many combinations of keywords in a mailbox')
    }
    this.#numbers.set(key, this.#sets.length)
    return this.#sets.push(set) - 1
  }

  /** The number of set `a` with or without the keywords of set `b`. */
  joinSets(a: number, b: number): number {
    return this.#setOf([...(this.#sets[a] ?? []), ...(this.#sets[b] ?? [])], false)
  }

  withoutSet(a: number, b: number): number {
    const gone = this.#sets[b] ?? []
    return this.#setOf(
      (this.#sets[a] ?? []).filter((place) => !gone.includes(place)),
      false,
    )
  }
}
