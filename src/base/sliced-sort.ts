/** Array.sort in pieces, for arrays that take longer than others may wait. */

/** Sorted by itself in one piece: some milliseconds at the most. */
const RUN = 1024

/** @param pause called after each piece @returns a new array; what compares as equal stays in its order */
export async function slicedSort<T>(
  values: readonly T[],
  compare: (a: T, b: T) => number,
  pause: () => Promise<void> | undefined,
): Promise<T[]> {
  let sorted: T[] = []
  for (let at = 0; at < values.length; at += RUN) {
    for (const value of values.slice(at, at + RUN).sort(compare)) sorted.push(value)
    await pause()
  }
  for (let run = RUN; run < values.length; run *= 2) {
    const merged: T[] = []
    for (let from = 0; from < values.length; from += 2 * run) {
      const middle = Math.min(from + run, values.length)
      const end = Math.min(from + 2 * run, values.length)
      let right = middle
      for (let left = from; left < middle || right < end;) {
        const takesLeft = right >= end || (left < middle && compare(sorted[left]!, sorted[right]!) <= 0)
        merged.push(sorted[takesLeft ? left++ : right++]!)
        if (merged.length % RUN === 0) await pause()
      }
    }
    sorted = merged
  }
  return sorted
}
