/** Patterns of LIST and LSUB. RFC 9051 §6.3.9. */

/** Letters of all patterns of one command at the most: what a name costs to match is its length times theirs. */
export const PATTERN_LETTERS_LIMIT = 16_384

const STAR = 0x2a
const PERCENT = 0x25
const SLASH = 0x2f
const isWild = (letter: number): boolean => letter === STAR || letter === PERCENT

/** `*` is anything, `%` anything but the delimiter `/`; INBOX in any letter case. */
export function listMatcher(pattern: string): (name: string) => boolean {
  const exact = pattern.replace(/[*%]+/g, (run) => (run.includes('*') ? '*' : '%'))
  const inbox = exact.replace(/[a-z]/g, (letter) => letter.toUpperCase())
  return (name) => (name === 'INBOX' ? matches(inbox, name) : matches(exact, name))
}

/**
 * Goes through the name once, with all places of the pattern where one may stand: never back, whatever the wildcards.
 * @param pattern without two wildcards in a row
 */
function matches(pattern: string, name: string): boolean {
  const end = pattern.length
  const here = new Uint8Array(end + 2)
  here[0] = 1
  if (isWild(pattern.charCodeAt(0))) here[1] = 1
  for (let i = 0; i < name.length; i++) {
    const letter = name.charCodeAt(i)
    let any = 0
    let next = Number.NaN // what stands in the pattern at `at`
    for (let at = end; at >= 0; at--) {
      const before = pattern.charCodeAt(at - 1)
      const stays = here[at] === 1 && (next === STAR || (next === PERCENT && letter !== SLASH))
      const comes = before === letter && here[at - 1] === 1 && !isWild(before)
      here[at] = stays || comes ? 1 : 0
      any |= here[at]!
      if (here[at] === 1 && isWild(next)) here[at + 1] = 1 // a wildcard may be nothing
      next = before
    }
    if (any === 0) return false
  }
  return here[end] === 1
}
