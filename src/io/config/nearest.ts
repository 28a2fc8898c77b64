/** The right name for a misspelt one. */

/** No more slips than this, and no more than a quarter of the letters. */
const MAX_SLIPS = 3

/** The candidate with the fewest slips; undefined where none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let least = Math.min(MAX_SLIPS, Math.floor(name.length / 4)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= least) continue
    const slips = slipsBetween(name.toLowerCase(), candidate)
    if (slips >= least) continue
    best = candidate
    least = slips
  }
  return best
}

/** Letters wrong, missing, too many or swapped with their neighbour (Damerau's distance). */
function slipsBetween(a: string, b: string): number {
  let older: number[] = []
  let old = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (old[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row.push(Math.min((old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, change, isSwap ? (older[j - 2] ?? 0) + 1 : Infinity))
    }
    older = old
    old = row
  }
  return old[b.length] ?? 0
}
