/**
 * FUZZY search keys and how relevant a message is to them. RFC 6203. Every word sought must be there, in any order, as it is or
 * with one letter wrong, missing or too many; a word in the subject counts more than one in the body.
 */
import type { SearchKey } from '../../formats/imap/mod.ts'
import { foldForSearch } from '../../formats/message/mod.ts'

/** Words of one key that count. */
const WORDS_LIMIT = 16
/** Shorter words must be there as they are, longer ones are too costly to vary. */
export const NEAR_LEAST = 4
export const NEAR_MOST = 24
/** Folded letters of a message that are looked at. */
const TEXT_LIMIT = 1_048_576

/** A key whose text is sought fuzzily. */
export type FuzzyKey = Extract<SearchKey, { key: 'HEADER' | 'BODY' | 'TEXT' }>

/** Texts of a message for a key, folded, with what a word in them is worth (at most 1). */
export interface FuzzyTexts {
  fuzzyTexts(key: FuzzyKey): Iterable<{ readonly text: string; readonly weight: number }>
}

interface Word {
  readonly exact: string
  readonly near: RegExp | undefined
}

const NEAR_WORTH = 0.5
/** What the words are worth, and what it is worth that they stand side by side. */
const WORDS_SCORE = 85
const PHRASE_SCORE = 15

/** 0: no match; else 1 to 100. */
export function fuzzyScore(texts: FuzzyTexts, key: FuzzyKey): number {
  const phrase = foldForSearch(key.text).trim()
  const words: Word[] = fuzzyWords(key.text).map((exact) => ({ exact, near: nearOf(exact) }))
  if (words.length === 0) return 1
  const worth = words.map(() => 0)
  let side = 0
  let left = TEXT_LIMIT
  for (const { text, weight } of texts.fuzzyTexts(key)) {
    const looked = text.length > left ? text.slice(0, left) : text
    left -= looked.length
    for (const [i, word] of words.entries()) {
      if ((worth[i] ?? 0) >= weight) continue
      if (looked.includes(word.exact)) worth[i] = weight
      else if ((worth[i] ?? 0) < weight * NEAR_WORTH && word.near?.test(looked) === true) worth[i] = weight * NEAR_WORTH
    }
    if (side < weight && looked.includes(phrase)) side = weight
    if (left <= 0) break
  }
  if (worth.includes(0)) return 0
  const mean = worth.reduce((sum, one) => sum + one, 0) / worth.length
  return Math.max(1, Math.round(mean * WORDS_SCORE + side * PHRASE_SCORE))
}

/** The words of a text that are sought, folded; a message that matches has each of them, or nearly. */
export function fuzzyWords(text: string): string[] {
  const phrase = foldForSearch(text)
  const words = [...new Set(phrase.split(/[^\p{L}\p{N}\p{M}]+/u).filter((word) => word !== ''))]
  return words.slice(0, WORDS_LIMIT)
}

/** One letter of the word may be another, be missing, or have one more beside it. */
function nearOf(word: string): RegExp | undefined {
  if (word.length < NEAR_LEAST || word.length > NEAR_MOST) return undefined
  const variants = Array.from(
    word,
    (_, i) => `${RegExp.escape(word.slice(0, i))}.{0,2}${RegExp.escape(word.slice(i + 1))}`,
  )
  return new RegExp(`(?<!\\p{L})(?:${variants.join('|')})`, 'u')
}

/** How relevant a message that matches is, 1 to 100: the mean over fuzzy keys that belong together, the best of alternatives. */
export function relevancy(texts: FuzzyTexts, key: SearchKey): number {
  return scoreOf(texts, key) ?? 1
}

/** undefined: nothing in it is fuzzy. */
function scoreOf(texts: FuzzyTexts, key: SearchKey): number | undefined {
  if (key.key === 'HEADER' || key.key === 'BODY' || key.key === 'TEXT')
    return key.fuzzy === true ? fuzzyScore(texts, key) : undefined
  const parts = key.key === 'AND' ? key.keys : key.key === 'OR' ? [key.left, key.right] : []
  const scores = parts.map((one) => scoreOf(texts, one)).filter((score) => score !== undefined)
  if (scores.length === 0) return undefined
  if (key.key === 'OR') return Math.max(...scores)
  return Math.max(1, Math.round(scores.reduce((sum, one) => sum + one) / scores.length))
}
