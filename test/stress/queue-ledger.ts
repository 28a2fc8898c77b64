/**
 * The queue's ledger after many messages and kills, against hosts in every failing mood (test/support/ledger.ts).
 *
 *     node test/stress/queue-ledger.ts [--messages 10000] [--kills 10] [--seed 1]
 *
 * Prints the account, what must not be, and leaves with 1 where there is any of it. test/process/queue-ledger.test.ts is a
 * short form.
 */
import { parseArgs } from 'node:util'
import { keepLedger } from '../support/ledger.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})

const last: (() => unknown)[] = []
const t = { after: (fn: () => unknown): void => void last.unshift(fn) }
const began = performance.now()
try {
  const { problems, ...counts } = await keepLedger(t, {
    messages: Number(values.messages),
    kills: Number(values.kills),
    seed: Number(values.seed),
    waitMs: 3000,
    lifetimeMs: 60_000,
    limitMs: 600_000,
    say: (text) => console.log(`${((performance.now() - began) / 1000).toFixed(0)} s: ${text}`),
  })
  for (const problem of problems) console.log(problem)
  const { accepted, delivered, returned, queued, both } = counts
  console.log(
    `${values.messages} messages, ${values.kills} kills: ${accepted} recipients accepted = ${delivered} delivered + ${returned} returned + ` +
      `${queued} queued; ${both} taken and returned as well; ${problems.length} problems`,
  )
  process.exitCode = problems.length === 0 && accepted === delivered + returned + queued ? 0 : 1
} finally {
  for (const fn of last) await fn()
}
