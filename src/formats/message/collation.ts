/**
 * How texts are compared by SEARCH, SORT and THREAD: collations of RFC 4790, by their names in its registry. Two texts are equal,
 * one is within another, or before another, as their forms are.
 */

import { LetterMap } from './letter-map.ts'
import { foldForSearch } from './text.ts'

export interface Collation {
  readonly name: string
  readonly form: (text: string) => string
}

// oxlint-disable-next-line no-control-regex -- ASCII is the common case and needs no tables
const ASCII = /^[\x00-\x7f]*$/

/**
 * `i;unicode-casemap`, RFC 5051 §2: each letter in its simple titlecase, then decomposed, compatibility forms too. Marks stay.
 */
export function casemap(text: string): string {
  return ASCII.test(text) ? text.toUpperCase() : letters.apply(text)
}

const letters = new LetterMap((letter) => {
  const mapped = titlecase(letter)
  // UnicodeData.txt gives no decomposition of a Hangul syllable.
  return mapped >= '\uac00' && mapped <= '\ud7a3' ? mapped : mapped.normalize('NFKD')
})

/** The simple titlecase of UnicodeData.txt, which JavaScript does not have: where it is not the upper case. */
function titlecase(letter: string): string {
  const code = letter.codePointAt(0) ?? 0
  if (code >= 0x1c4 && code <= 0x1cc) return DIGRAPHS[Math.floor((code - 0x1c4) / 3)] ?? letter
  if (code >= 0x1f1 && code <= 0x1f3) return '\u01f2'
  if ((code >= 0x10d0 && code <= 0x10ff) || (code >= 0x1c90 && code <= 0x1cbf)) return letter
  if (code >= 0x1f80 && code <= 0x1faf) return String.fromCodePoint(code | 8)
  if (code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3) return String.fromCodePoint(code + 9)
  const upper = letter.toUpperCase()
  return upper.length === letter.length ? upper : letter
}

const DIGRAPHS = ['\u01c5', '\u01c8', '\u01cb']

/** `i;ascii-casemap`, RFC 4790 §9.2. */
const asciiCasemap = (text: string): string => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase())

/** The one that holds where nothing else is said (RFC 5255 §4.4). */
export const unicodeCasemap: Collation = { name: 'i;unicode-casemap', form: casemap }

/** What may be chosen; the more widely useful stands before the less (RFC 4790 §3.2). `i;octet`: RFC 4790 §9.3. */
export const COLLATIONS: readonly Collation[] = [
  unicodeCasemap,
  { name: 'i;ascii-casemap', form: asciiCasemap },
  { name: 'i;octet', form: (text) => text },
]

/** What people look for who do not care for marks; no collation that is registered, so no client can choose it. */
export const UNMARKED: Collation = { name: 'unmarked', form: foldForSearch }

/** In the order of their characters, as the octets of UTF-8 are, and UTF-16 beyond its first plane is not. */
export function compareForms(a: string, b: string): number {
  if (a === b) return 0
  let at = 0
  while (a.charCodeAt(at) === b.charCodeAt(at)) at++
  const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
  if (Number.isNaN(x)) return -1
  if (Number.isNaN(y)) return 1
  return rank(x) - rank(y)
}

/** Halves of a pair stand for characters behind all others. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)
