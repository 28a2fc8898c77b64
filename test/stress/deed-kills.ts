/**
 * A server killed at each place between two writes in turn, one trial a place (test/support/deed-kills.ts).
 *
 *     node test/stress/deed-kills.ts [--from 1] [--step 1]
 *
 * Leaves with 1 where something that was said to be done is missing or doubled.
 */
import { parseArgs } from 'node:util'
import { DeedKills } from '../support/deed-kills.ts'

const { values } = parseArgs({
  options: { from: { type: 'string', default: '1' }, step: { type: 'string', default: '1' } },
})
const kills = new DeedKills()
let [bad, done] = [0, 0]
try {
  const { places } = await kills.run(0)
  for (let at = Number(values.from); at <= places; at += Number(values.step)) {
    const { killed, problems } = await kills.run(at)
    done++
    if (problems.length === 0) continue
    bad++
    process.stdout.write(`place ${at}, ${killed}:\n`)
    for (const problem of problems) process.stdout.write(`  ${problem}\n`)
  }
  process.stdout.write(`${done} trials of ${places} places, ${bad} with problems\n`)
} finally {
  kills.close()
}
process.exitCode = bad === 0 ? 0 : 1
