/** `postigo queue`: how much waits, how old it is, for whom, and what stands in the way. */
import { parseArgs } from 'node:util'
import type { QueueReport } from '../server/queue-report.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { asked, openQueue, QueueRefusal } from './queue-access.ts'
import { ctime } from './queue-print.ts'

/** Lines of each table, unless --limit says otherwise. */
const LINES = 20

/** What moves messages between Postfix's queue and ours. */
const SUBCOMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  import: async () => (await import('./queue-import.ts')).queueImport,
  export: async () => (await import('./queue-export.ts')).queueExport,
}

export const queue: Command = async (argv, io) => {
  const load = SUBCOMMANDS[argv[0] ?? '']
  if (load !== undefined) return (await load())(argv.slice(1), io)
  const { values } = parseArgs({
    args: [...argv],
    options: { config: { type: 'string', short: 'c' }, json: { type: 'boolean' }, limit: { type: 'string' } },
  })
  const access = await openQueue(configDirectory(values.config, io))
  try {
    if (access.way === 'public' || access.way === 'none')
      throw new QueueRefusal('the queue is its owner’s and root’s to see')
    const report = (await asked(access, { command: 'queue-report' }))['report'] as QueueReport // our own server's words
    io.out(
      values.json === true
        ? `${JSON.stringify(report, undefined, 2)}\n`
        : describe(report, Number(values.limit ?? LINES)),
    )
    return EX.ok
  } catch (error) {
    if (!(error instanceof QueueRefusal)) throw error
    io.err(`postigo queue: ${error.message}\n`)
    return EX.unavailable
  } finally {
    await access.close()
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)

/** The ages as qshape(1) lays them out, then the causes. */
function describe({ ageMinutes, total, destinations, causes }: QueueReport, limit: number): string {
  if (sum(total) === 0) return 'the queue is empty\n'
  const heads = ['T', ...ageMinutes.map(String), `${ageMinutes.at(-1)}+`]
  const width = Math.max(5, ...heads.map((head) => head.length), String(sum(total)).length) + 1
  const name = Math.max(20, ...destinations.slice(0, limit).map(({ domain }) => domain.length))
  const row = (domain: string, cells: readonly (string | number)[]): string =>
    `${domain.padStart(name)} ${cells.map((cell) => String(cell).padStart(width)).join('')}\n`
  const shown = destinations.slice(0, limit)
  const lines = [
    row('', heads),
    row('TOTAL', [sum(total), ...total]),
    ...shown.map(({ domain, ages }) => row(domain, [sum(ages), ...ages])),
  ]
  if (destinations.length > limit) lines.push(`${`… ${destinations.length - limit} more`.padStart(name)}\n`)
  if (causes.length > 0) lines.push('\ndeferred, by cause\n')
  for (const { cause, recipients, domains, nextAttemptMs } of causes.slice(0, limit)) {
    const next = nextAttemptMs <= 1 ? 'now' : ctime(nextAttemptMs)
    lines.push(
      `${String(recipients).padStart(7)}  ${cause}\n         ${domains} ${domains === 1 ? 'domain' : 'domains'}, next attempt ${next}\n`,
    )
  }
  return lines.join('')
}
