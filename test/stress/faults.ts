/**
 * A disk that fails at each place in turn, once and lastingly, in each way (test/support/fault-trials.ts).
 *
 *     node test/stress/faults.ts [--from 1] [--kind ENOSPC|EIO|short] [--lasting]
 *
 * Without a kind all of them. Leaves with 1 where something acknowledged is missing or doubled, or something refused is there.
 */
import { parseArgs } from 'node:util'
import type { FaultKind } from '../support/faults.ts'
import { FaultTrials } from '../support/fault-trials.ts'

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    kind: { type: 'string' },
    lasting: { type: 'boolean', default: false },
  },
})
const kinds: readonly FaultKind[] = ['ENOSPC', 'EIO', 'short']
const chosen = kinds.filter((kind) => values.kind === undefined || kind === values.kind)
const trials = new FaultTrials()
let [bad, done] = [0, 0]
try {
  const { places } = await trials.run({ at: 0, kind: 'EIO', lasting: false })
  for (const kind of chosen)
    for (const lasting of kind === 'short' ? [false] : values.lasting ? [true] : [false, true])
      for (let at = Number(values.from); at <= places; at++) {
        const { failed, problems, refused } = await trials.run({ at, kind, lasting })
        done++
        if (problems.length === 0) continue
        bad++
        process.stdout.write(`${kind} ${lasting ? 'from' : 'at'} ${at} (${failed}), refused ${refused.join(' ')}:\n`)
        for (const problem of problems) process.stdout.write(`  ${problem}\n`)
      }
  process.stdout.write(`${done} trials of ${places} places, ${bad} with problems\n`)
} finally {
  trials.close()
}
process.exitCode = bad === 0 ? 0 : 1
