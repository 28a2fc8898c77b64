/**
 * What the search index knows of the keys of one program: which messages a key cannot match. It only rules out; what it does
 * not know (messages not indexed yet, texts too short to have grams) may match.
 */
import { foldForSearch } from '../../formats/message/mod.ts'
import type { SearchKey } from '../../formats/imap/mod.ts'
import type { Reader } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { lowerBound } from './entries.ts'
import { fuzzyWords, NEAR_LEAST, NEAR_MOST } from './fuzzy.ts'
import {
  BIT_OCTETS,
  BLOCK_MESSAGES,
  blockRow,
  blocksBetween,
  recentSignatures,
  sliceBits,
  SLICE_BITS,
} from './search-blocks.ts'
import { neededHashes, saltOf } from './search-grams.ts'
import { type TextKey, textKeys } from './search-keys.ts'
import { bitOf, FIELDS, HEADER, SEARCHED_FIELDS, type SignaturePart, TEXT } from './search-signature.ts'
import { snapshot } from './views.ts'

/** Keys of one program that are narrowed; more are decided by content alone. */
export const NARROWED_KEYS_LIMIT = 64
/** Bits that are asked for a text; more would tell hardly more. */
const BITS_LIMIT = 48
/** With fewer messages in a block to decide on, these are read at once. */
const BLOCK_LEAST = 4
/** Signatures read at once that wait for a block. */
const RECENT_BATCH = 64

/** Bits that a message must have, all of them. */
type Bits = readonly number[]
/** For each clause, one of its alternatives. */
type Clauses = readonly (readonly Bits[])[]

/** Messages in order of arrival; for each key a bit of each: it may match. */
interface Known {
  readonly messages: ArrayLike<number>
  readonly first: number
  readonly last: number
  readonly may: readonly Uint8Array[]
}

export class Narrowing {
  readonly #numbers = new Map<SearchKey, number>()
  readonly #clauses: Clauses[] = []
  readonly #known: Known[] = []
  /** The last message of each. */
  readonly #ends: number[] = []
  /** Where the last message was found. */
  #block = 0
  #place = 0

  private constructor(keys: readonly TextKey[]) {
    for (const key of keys) {
      if (this.#clauses.length >= NARROWED_KEYS_LIMIT) break
      const clauses = clausesOf(key)
      if (clauses.length === 0 || this.#numbers.has(key)) continue
      this.#numbers.set(key, this.#clauses.length)
      this.#clauses.push(clauses)
    }
  }

  /** undefined: nothing in this program can be narrowed. */
  static of(key: SearchKey): Narrowing | undefined {
    const narrowing = new Narrowing(textKeys(key))
    return narrowing.#clauses.length === 0 ? undefined : narrowing
  }

  /** undefined: this key is not narrowed. */
  numberOf(key: SearchKey): number | undefined {
    return this.#numbers.get(key)
  }

  /** Whether a key cannot match a message. @param number of the key */
  excludes(number: number, message: number): boolean {
    const known = this.#find(message)
    const may = known?.may[number]
    return may !== undefined && (may[this.#place >> 3]! & (1 << (this.#place & 7))) === 0
  }

  /** Asks the index about these messages, once. */
  async load(
    reader: Reader,
    account: AccountId,
    messages: Float64Array,
    pause: () => Promise<void> | undefined,
  ): Promise<void> {
    if (messages.length === 0) return
    const sorted = ascending(messages)
    const [first, last] = [sorted[0]!, sorted[sorted.length - 1]!]
    for (const [block, from, to] of blocksBetween(reader, account, first, last)) {
      if (countBetween(sorted, from, to) < BLOCK_LEAST) continue
      const known = snapshot(reader, () => this.#askBlock(reader, account, block))
      if (known !== undefined) this.#add(known)
      await pause()
    }
    const after = this.#known.at(-1)?.last ?? 0
    if (countBetween(sorted, after + 1, last) > 0) await this.#askRecent(reader, account, after, pause)
  }

  #add(known: Known): void {
    this.#known.push(known)
    this.#ends.push(known.last)
  }

  #askBlock(reader: Reader, account: AccountId, block: number): Known | undefined {
    const row = blockRow(reader, block)
    if (row?.account !== account) return undefined // it was given up meanwhile
    const slices = new Map<number, Uint8Array | undefined>()
    const bitsOf = (bit: number): Uint8Array => {
      const slice = Math.floor(bit / SLICE_BITS)
      if (!slices.has(slice)) slices.set(slice, sliceBits(reader, block, slice))
      const at = (bit % SLICE_BITS) * BIT_OCTETS
      return slices.get(slice)?.subarray(at, at + BIT_OCTETS) ?? ALL
    }
    const { messages } = row
    const may = this.#clauses.map((clauses) => {
      const all = ALL.slice()
      for (const alternatives of clauses) {
        const some = new Uint8Array(BIT_OCTETS)
        for (const bits of alternatives) join(some, bits, bitsOf)
        for (let i = 0; i < BIT_OCTETS; i++) all[i]! &= some[i]!
      }
      return all
    })
    return { messages, first: messages[0] ?? 0, last: messages.at(-1) ?? 0, may }
  }

  async #askRecent(
    reader: Reader,
    account: AccountId,
    after: number,
    pause: () => Promise<void> | undefined,
  ): Promise<void> {
    for (let from = after; ;) {
      const rows = recentSignatures(reader, account, from, RECENT_BATCH)
      if (rows.length === 0) return
      const may = this.#clauses.map((clauses) => {
        const bits = new Uint8Array(RECENT_BATCH / 8)
        for (const [i, [, signature]] of rows.entries()) if (holds(signature, clauses)) bits[i >> 3]! |= 1 << (i & 7)
        return bits
      })
      const messages = rows.map(([message]) => message)
      from = messages.at(-1) ?? 0
      this.#add({ messages, first: messages[0] ?? 0, last: from, may })
      await pause()
    }
  }

  /** Messages are mostly asked in order of arrival, each for several keys. */
  #find(message: number): Known | undefined {
    let known = this.#known[this.#block]
    if (known === undefined || message < known.first || message > known.last) {
      this.#block = lowerBound(this.#ends, message)
      this.#place = 0
      known = this.#known[this.#block]
      if (known === undefined || message < known.first) return undefined
    }
    const { messages } = known
    if (messages[this.#place] === message) return known
    if (messages[this.#place + 1] === message) {
      this.#place++
      return known
    }
    const place = lowerBound(messages, message)
    if (messages[place] !== message) return undefined
    this.#place = place
    return known
  }
}

const ALL = new Uint8Array(BLOCK_MESSAGES / 8).fill(0xff)

/** Adds to `some` the messages that have all of `bits`. */
function join(some: Uint8Array, bits: Bits, bitsOf: (bit: number) => Uint8Array): void {
  const all = ALL.slice()
  for (const bit of bits) {
    const one = bitsOf(bit)
    let left = 0
    for (let i = 0; i < BIT_OCTETS; i++) left |= all[i]! &= one[i]!
    if (left === 0) return
  }
  for (let i = 0; i < BIT_OCTETS; i++) some[i]! |= all[i]!
}

function holds(signature: Uint8Array, clauses: Clauses): boolean {
  const has = (bit: number): boolean => (signature[bit >> 3]! & (1 << (bit & 7))) !== 0
  return clauses.every((alternatives) => alternatives.some((bits) => bits.every(has)))
}

/** None: the index says nothing of this key. */
function clausesOf(key: TextKey): Clauses {
  const texts = key.fuzzy === true ? fuzzyWords(key.text).map(piecesOf) : [[foldForSearch(key.text)]]
  const clauses = texts.map((pieces) => placesOf(key).flatMap((place) => pieces.map((text) => needed(place, text))))
  if (key.key === 'HEADER' && key.fuzzy !== true)
    clauses.push([needed({ part: HEADER, salt: 0 }, `${key.field.toLowerCase()}:`)])
  return clauses.filter((alternatives) => alternatives.every((bits) => bits.length > 0))
}

interface Place {
  readonly part: SignaturePart
  readonly salt: number
}

/** Where a key's text may stand, whole. */
function placesOf(key: TextKey): Place[] {
  switch (key.key) {
    case 'HEADER': {
      const field = key.field.toLowerCase()
      return [SEARCHED_FIELDS.has(field) ? { part: FIELDS, salt: saltOf(field) } : { part: HEADER, salt: 0 }]
    }
    case 'BODY':
      return [{ part: TEXT, salt: 0 }]
    case 'TEXT':
      return [
        { part: HEADER, salt: 0 },
        { part: TEXT, salt: 0 },
      ]
  }
}

/** One of these stands there as it is when the word is nearly there: one letter is wrong, in one half of it. */
function piecesOf(word: string): string[] {
  if (word.length < NEAR_LEAST || word.length > NEAR_MOST) return [word]
  const half = Math.floor(word.length / 2)
  return [word.slice(0, half), word.slice(half)]
}

function needed({ part, salt }: Place, folded: string): Bits {
  return [...new Set(Array.from(neededHashes(folded, salt, BITS_LIMIT), (hash) => bitOf(part, hash)))]
}

const countBetween = (sorted: Float64Array, from: number, to: number): number =>
  lowerBound(sorted, to + 1) - lowerBound(sorted, from)

function ascending(messages: Float64Array): Float64Array {
  for (let i = 1; i < messages.length; i++) if (messages[i]! < messages[i - 1]!) return messages.toSorted()
  return messages
}
