/**
 * Grams of a folded text as hashes: 3 and 6 letters in a row; beside them 1 and 2 where none of these is ASCII, for languages that
 * write without blanks. Blanks in a row are one, as where HTML is compared. The hashes of a text within another are among
 * that one's, save where it is too short to have any.
 */

const SPACE = 0x20

/** How far a text has come; its pieces go on where the last one ended. */
export class GramState {
  readonly salt: number
  /** The last two letters, and letters so far, up to 6. */
  a = 0
  b = 0
  length = 0
  /** Sums of the last 3-grams, the oldest first. */
  sums: [number, number, number] = [0, 0, 0]

  constructor(salt = 0) {
    this.salt = salt
  }
}

/** Letters hashed at once, and the most hashes they make. */
export const GRAM_PIECE = 4096
export const GRAM_HASHES = 4 * GRAM_PIECE

/** Hashes of the grams that end in `text` from `from` on, at most GRAM_PIECE letters. Answers how many there are in `out`. */
export function gramHashes(state: GramState, text: string, from: number, out: Int32Array): number {
  const { salt, sums } = state
  let { a, b, length } = state
  let [s3, s2, s1] = sums
  let n = 0
  for (let i = from, end = Math.min(text.length, from + GRAM_PIECE); i < end; i++) {
    let c = text.charCodeAt(i)
    if (c <= SPACE || (c >= 0x80 && isBlank(c))) {
      if (b === SPACE) continue
      c = SPACE
    } else if (c >= 0x80) {
      out[n++] = mix(Math.imul(c ^ salt, ONE))
      if (b >= 0x80) out[n++] = mix(sumOf(0, b, c) ^ salt ^ TWO)
    }
    const sum = sumOf(a, b, c)
    if (++length >= 3) {
      out[n++] = mix(sum ^ salt)
      if (length >= 6) out[n++] = mix(Math.imul(s3 ^ salt, SIX) ^ sum)
    }
    a = b
    b = c
    s3 = s2
    s2 = s1
    s1 = sum
  }
  state.a = a
  state.b = b
  state.length = Math.min(length, 6)
  state.sums = [s3, s2, s1]
  return n
}

/** What a text that contains `folded` must have, the most telling first; none: it is too short to tell. */
export function neededHashes(folded: string, salt: number, limit: number): Int32Array {
  const long: number[] = []
  const short: number[] = []
  const out = new Int32Array(4)
  const state = new GramState(salt)
  for (let i = 0; i < folded.length && long.length < limit; i++) {
    // Letter by letter: of those that end here, the longest was made last.
    const n = gramHashes(state, folded.charAt(i), 0, out)
    if (n === 0) continue
    const isLong = state.length >= 6
    for (let k = 0; k < n; k++) (isLong && k === n - 1 ? long : short).push(out[k]!)
  }
  return Int32Array.from(new Set([...long, ...short].slice(0, limit)))
}

/** A name's part in the hashes of its values. */
export function saltOf(name: string): number {
  let salt = 0x811c9dc5
  for (let i = 0; i < name.length; i++) salt = Math.imul(salt ^ name.charCodeAt(i), 0x01000193)
  return salt
}

// Odd and large: each spreads what it is multiplied with over the upper half of the hash, which is what counts.
const ONE = 0x27d4eb2f
const TWO = 0x165667b1
const SIX = 0x297a2d39
const LAST = 0x2c1b3c6d

const mix = (hash: number): number => Math.imul(hash ^ (hash >>> 15), LAST)

const sumOf = (a: number, b: number, c: number): number =>
  Math.imul(a, 0x9e3779b1) ^ Math.imul(b, 0x85ebca77) ^ Math.imul(c, 0xc2b2ae3d)

/** What `\s` is beyond ASCII, and what is decomposed to a blank. */
function isBlank(c: number): boolean {
  if (c < 0x1680) return c === 0xa0
  return (
    c === 0x1680 ||
    (c >= 0x2000 && c <= 0x200a) ||
    c === 0x2028 ||
    c === 0x2029 ||
    c === 0x202f ||
    c === 0x205f ||
    c === 0x3000 ||
    c === 0xfeff
  )
}
