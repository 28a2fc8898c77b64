/**
 * The queue killed at each place between two writes, one trial a place, and started again (test/support/queue-kills.ts), until a
 * trial comes to its end without reaching its place.
 *
 *     node test/stress/queue-kills.ts [--from 1] [--to N] [--step 1] [--twice] [--kinds] [--jobs 2]
 *
 * `--kinds`: only the first of each kind of place. `--twice`: the second life is killed too, each time a place further. Leaves with 1 where something is lost, told twice, or sent
 * again without need. test/process/queue-points.test.ts looks at some of the places.
 */
import { parseArgs } from 'node:util'
import { QueueTrials } from '../support/queue-kills.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    to: { type: 'string', default: '100000' },
    step: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
    twice: { type: 'boolean', default: false },
    kinds: { type: 'boolean', default: false },
  },
})

/** A second life without much to do passes about so many places. */
const SECOND_LIFE = 60

const last: (() => unknown)[] = []
const t = { after: (fn: () => unknown): void => void last.unshift(fn) }
const began = performance.now()
try {
  const trials = new QueueTrials(t)
  const places = new Map<string, number>()
  const kinds = values.kinds ? [...new Set((await trials.run({ killAt: 0, list: true })).points)] : undefined
  let next = Number(values.from)
  let bad = 0
  let done = 0
  let reached = true
  const job = async (): Promise<void> => {
    while (reached && next <= Math.min(Number(values.to), kinds?.length ?? Infinity)) {
      const killAt = next
      next += Number(values.step)
      const killAgainAt = values.twice ? (killAt % SECOND_LIFE) + 1 : 0
      const { killed, problems } = await trials.run({ killAt: kinds?.[killAt - 1] ?? killAt, killAgainAt })
      if (killed.length === 0 && kinds === undefined) reached = false
      for (const place of killed) places.set(place, (places.get(place) ?? 0) + 1)
      done++
      if (problems.length > 0) bad++
      for (const problem of problems) console.log(`${killAt} (${killed.join('; ')}): ${problem}`)
      if (done % 50 === 0) console.log(`${((performance.now() - began) / 1000).toFixed(0)} s: ${done} trials`)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, job))
  for (const [place, count] of [...places].toSorted(([a], [b]) => (a < b ? -1 : 1))) console.log(`${count}\t${place}`)
  console.log(`${done} trials at ${places.size} kinds of places; ${bad} with problems`)
  process.exitCode = bad === 0 ? 0 : 1
} finally {
  for (const fn of last) await fn()
}
