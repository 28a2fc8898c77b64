/**
 * The long run: `npm run fuzz -- [--target NAME] [--seed N] [--minutes N]`. Targets take turns, each turn with the next seed;
 * findings are saved where fuzz.test.ts reads them, and printed with the seed that leads to them.
 */
import { parseArgs } from 'node:util'
import { saveFinding } from './findings.ts'
import type { Finding } from './frame.ts'
import { targets } from './targets/mod.ts'
import { fuzzWatched } from './watched.ts'

/** A turn of one target. */
const TURN_MS = 15_000
/** Findings of one kind that are saved; the rest is counted. */
const KIND_LIMIT = 3

const { values } = parseArgs({
  options: { target: { type: 'string' }, seed: { type: 'string' }, minutes: { type: 'string' } },
})
const chosen = targets.filter(({ name }) => values.target === undefined || name.startsWith(values.target))
if (chosen.length === 0)
  throw new Error(`no target ${values.target}; there are ${targets.map(({ name }) => name).join(' ')}`)
const end = Date.now() + Number(values.minutes ?? 5) * 60_000
let seed = Number(values.seed ?? Date.now() % 1_000_000)
const kinds = new Map<string, number>()

function found(finding: Finding): void {
  const kind = `${finding.target}: ${finding.what.replace(/\d+/g, 'n').split('\n')[0]}`
  const times = (kinds.get(kind) ?? 0) + 1
  kinds.set(kind, times)
  if (times <= KIND_LIMIT)
    console.log(`FOUND (seed ${seed}) ${saveFinding(finding)}\n${finding.target}: ${finding.what}`)
}

for (let turn = 0; Date.now() < end; turn++) {
  const target = chosen[turn % chosen.length]!
  const ms = Math.min(TURN_MS, Math.max(1000, end - Date.now()))
  const count = await fuzzWatched(target.name, { seed, inputs: Infinity, ms }, found)
  console.log(
    `${new Date().toISOString().slice(11, 19)} ${target.name}: seed ${seed}, ${count} inputs in ${Math.round(ms / 1000)} s`,
  )
  seed++
}
for (const [kind, times] of kinds) console.log(`${times} × ${kind}`)
process.exitCode = kinds.size > 0 ? 1 : 0
