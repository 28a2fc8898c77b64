/** Keys without regard to letter case. */

/** A key as fixed tables hold it. postmap(1) folds what it stores, lookups fold what they ask. */
export function foldKey(key: string): string {
  return key.toLowerCase()
}
