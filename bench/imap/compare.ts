/** Lines of a comparison: each is run on all servers by turns, A B A B, and the middle of the rounds is told. */
import { cpuMs, median, pssMib } from '../usage.ts'
import type { MailServer } from './servers.ts'

export interface Line<Target> {
  readonly name: string
  /** Operations in one run: messages, log-ins, commands. */
  readonly operations: number
  /** Before each run; its cost does not count. */
  prepare?(target: Target): Promise<unknown>
  run(target: Target): Promise<unknown>
  /** Its first run counts as well: it is one that nothing is kept for. */
  readonly cold?: boolean
}

interface Cost {
  readonly cpuUs: number
  readonly perSecond: number
}

const WIDTHS = [34, 12, 11] as const

/** Measures on all servers and prints, a line each; keeps the most memory that was seen after any of them. */
export class Comparison<Target extends { readonly server: MailServer }> {
  readonly #targets: readonly Target[]
  readonly #rounds: number
  readonly #resting: number[]
  readonly #peaks: number[]

  constructor(targets: readonly Target[], rounds: number) {
    this.#targets = targets
    this.#rounds = rounds
    this.#resting = targets.map(({ server }) => pssMib(server.pid))
    this.#peaks = [...this.#resting]
    const heads = targets.map(({ server }) => `${server.name} µs`.padStart(WIDTHS[1]) + 'a second'.padStart(WIDTHS[2]))
    console.log('CPU µs an operation'.padEnd(WIDTHS[0]) + heads.join('') + (targets.length > 1 ? '   ratio' : ''))
  }

  async line(line: Line<Target>): Promise<void> {
    const costs: Cost[][] = this.#targets.map(() => [])
    for (let round = line.cold === true ? 0 : -1; round < this.#rounds; round++) {
      for (const [i, target] of this.#targets.entries()) {
        progress(`${line.name}, ${target.server.name}, ${round < 0 ? 'warming up' : `round ${round + 1}`}`)
        await line.prepare?.(target)
        const cost = await measured(target, line)
        if (round >= 0) costs[i]?.push(cost)
        this.#peaks[i] = Math.max(this.#peaks[i] ?? 0, pssMib(target.server.pid))
      }
    }
    progress('')
    console.log(printed(line.name, costs))
  }

  /** Memory of each server before the first line, and the most after one. */
  memory(): void {
    for (const [i, { server }] of this.#targets.entries())
      console.log(
        `${server.name}: ${this.#resting[i]?.toFixed(0)} MiB before, ${this.#peaks[i]?.toFixed(0)} MiB at most (PSS)`,
      )
  }
}

async function measured<Target extends { readonly server: MailServer }>(
  target: Target,
  line: Line<Target>,
): Promise<Cost> {
  const { pid } = target.server
  const before = cpuMs(pid)
  const from = performance.now()
  await line.run(target)
  const seconds = (performance.now() - from) / 1000
  return { cpuUs: ((cpuMs(pid) - before) * 1000) / line.operations, perSecond: line.operations / seconds }
}

function printed(name: string, costs: readonly (readonly Cost[])[]): string {
  const middles = costs.map((rounds) => ({
    cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
    perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  }))
  const cells = middles.map(
    ({ cpuUs, perSecond }) => figure(cpuUs).padStart(WIDTHS[1]) + figure(perSecond).padStart(WIDTHS[2]),
  )
  const [ours, theirs] = middles
  const ratio = ours === undefined || theirs === undefined ? '' : (theirs.cpuUs / ours.cpuUs).toFixed(1).padStart(8)
  return name.padEnd(WIDTHS[0]) + cells.join('') + ratio
}

const figure = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3))

/** What is being done now, on the last line of a terminal. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`)
}
