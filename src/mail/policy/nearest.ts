/**
 * The right name for a wrong one.
 */

/** Letters that may be wrong, missing, too many or swapped. */
const MAX_SLIPS = 3

/** The candidate with the fewest slips, undefined where none is near. */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let slips = Math.min(MAX_SLIPS, Math.floor(name.length / 4)) + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= slips) continue
    const distance = slipsBetween(name.toLowerCase(), candidate)
    if (distance >= slips) continue
    best = candidate
    slips = distance
  }
  return best
}

/** Damerau's distance: a swap of neighbours is one slip. */
function slipsBetween(a: string, b: string): number {
  let older: number[] = []
  let old = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let least = Math.min((old[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (old[j - 1] ?? 0) + (same ? 0 : 1))
      if (a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (older[j - 2] ?? 0) + 1)
      row.push(least)
    }
    older = old
    old = row
  }
  return old[b.length] ?? 0
}
