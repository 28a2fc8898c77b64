/** What a running server holds: memory and descriptors of all its processes. */
import { readdirSync, readlinkSync } from 'node:fs'
import { median, processes, pssMib } from '../../../bench/usage.ts'

export interface Sample {
  /** Seconds since the beginning. */
  readonly atS: number
  readonly pssMib: number
  readonly descriptors: number
}

/** What all its processes hold open: how many of a kind, `socket`, `/log/#` … */
export function descriptors(root: number): Map<string, number> {
  const kinds = new Map<string, number>()
  for (const pid of processes(root)) {
    try {
      for (const fd of readdirSync(`/proc/${pid}/fd`)) {
        const target = readlinkSync(`/proc/${pid}/fd/${fd}`)
        const kind = target.replace(/:?\[.*\]$/, '').replaceAll(/[\da-f]{4,}|\d+/g, '#')
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
    } catch {
      // gone meanwhile
    }
  }
  return kinds
}

export const total = (kinds: ReadonlyMap<string, number>): number =>
  [...kinds.values()].reduce((sum, count) => sum + count, 0)

export const sample = (root: number, atS: number): Sample => ({
  atS,
  pssMib: pssMib(root),
  descriptors: total(descriptors(root)),
})

/** The medians of a life's second and last quarter: the first is warming up. */
export function growth(samples: readonly Sample[]): { readonly early: number; readonly late: number } {
  const quarter = Math.floor(samples.length / 4)
  const mid = (from: number): number => median(samples.slice(from, from + quarter).map((one) => one.pssMib))
  return { early: mid(quarter), late: mid(quarter * 3) }
}
