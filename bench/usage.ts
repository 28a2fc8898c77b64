/** What a server costs: CPU and memory of a process and all below it. */
import { readdirSync, readFileSync } from 'node:fs'

interface Proc {
  readonly parent: number
  /** Ticks of 10 ms of children that ended and were waited for. */
  readonly reaped: number
}

function read(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return '' // gone meanwhile
  }
}

/** `root` and all processes below it. */
function tree(root: number): Map<number, Proc> {
  const all = new Map<number, Proc>()
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    const stat = read(`/proc/${pid}/stat`)
    if (stat === '') continue
    const fields = stat.replace(/^.*\) /s, '').split(' ')
    all.set(Number(pid), { parent: Number(fields[1]), reaped: Number(fields[13]) + Number(fields[14]) })
  }
  const found = new Map<number, Proc>()
  for (const pids = [root]; pids.length > 0;) {
    const pid = pids.pop() ?? 0
    const proc = all.get(pid)
    if (proc === undefined) continue
    found.set(pid, proc)
    for (const [child, { parent }] of all) if (parent === pid) pids.push(child)
  }
  return found
}

/** `root` and all processes below it. */
export const processes = (root: number): readonly number[] => [...tree(root).keys()]

/** Nanoseconds that the living threads of a process ran. */
function threadsNs(pid: number): number {
  let ns = 0
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`))
      ns += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
  } catch {
    // gone meanwhile
  }
  return ns
}

/** Milliseconds of CPU of a process and all below it: living ones to the nanosecond, those that ended in steps of 10 ms. */
export function cpuMs(root: number): number {
  let ms = 0
  for (const [pid, { reaped }] of tree(root)) ms += threadsNs(pid) / 1e6 + reaped * 10
  return ms
}

/** Below so much of a core a server counts as idle; it is waited for so long. */
const IDLE_MS_A_SECOND = 50
const IDLE_WITHIN_S = 90

/** Resolves when a server has nothing more to do: what it puts off, an index of what came, is done. */
export async function idle(root: number): Promise<void> {
  for (let i = 0, before = cpuMs(root); i < IDLE_WITHIN_S; i++) {
    await new Promise((wake) => setTimeout(wake, 1000))
    const now = cpuMs(root)
    if (now - before < IDLE_MS_A_SECOND) return
    before = now
  }
}

function sumMib(root: number, file: string, line: RegExp): number {
  let kib = 0
  for (const pid of tree(root).keys()) kib += Number(line.exec(read(`/proc/${pid}/${file}`))?.[1] ?? 0)
  return kib / 1024
}

/** Highest memory of a process and all below it so far, in MiB; pages they share are counted for each. */
export function peakMib(root: number): number {
  return sumMib(root, 'status', /VmHWM:\s+(\d+)/)
}

/** Proportional set size of a process and all below it, in MiB. */
export function pssMib(root: number): number {
  return sumMib(root, 'smaps_rollup', /^Pss:\s+(\d+)/m)
}

export const median = (values: readonly number[]): number => quantile(values, 0.5)

/** The value that so many of all (0 … 1) do not exceed. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}
