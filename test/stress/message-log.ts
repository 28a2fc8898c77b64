/**
 * The message log, killed and unplugged at every operation of some courses, and at random in many more.
 *
 *     node test/stress/message-log.ts [--seeds 2000] [--from 1] [--courses 10]
 *
 * Prints what promises were broken, with the seed that repeats it, and leaves with 1. test/message-log.test.ts is a short form.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { everyStep, trial } from '../support/log-trial.ts'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '2000' },
    from: { type: 'string', default: '1' },
    courses: { type: 'string', default: '10' },
  },
})

let broken = 0

async function inScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-stress-'))
  try {
    return await work(dir)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

function say(course: string, problems: readonly string[]): void {
  broken += problems.length
  for (const problem of problems) console.log(`${course}: ${problem}`)
}

const from = Number(values.from)
let ends = 0
for (let seed = from; seed < from + Number(values.courses); seed++) {
  for (const end of ['kill', 'power-cut'] as const) {
    const { tried, problems } = await inScratch((dir) => everyStep(dir, seed, end))
    ends += tried
    say(`course ${seed}`, problems)
  }
}
console.log(`${ends} ends at every operation of ${values.courses} courses`)
for (let seed = from; seed < from + Number(values.seeds); seed++) {
  say(`seed ${seed}`, await inScratch((dir) => trial(dir, seed)))
}
console.log(`${values.seeds} courses of random lives; ${broken} promises broken`)
process.exitCode = broken === 0 ? 0 : 1
