/**
 * Many sessions on one mailbox of a server with two front threads that is killed in the midst, against a model
 * (test/support/imap-model.ts).
 *
 *     node test/stress/imap-sessions.ts [--minutes 10] [--sessions 200] [--kills 10] [--seed 1]
 *
 * Prints what was done and what was wrong, and leaves with 1 where anything was. test/imap/concurrency.test.ts is a short form.
 */
import type { ChildProcess } from 'node:child_process'
import { parseArgs } from 'node:util'
import { crowd } from '../support/imap-crowd.ts'
import { install, kill } from '../support/process.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    sessions: { type: 'string', default: '200' },
    kills: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
  },
})
const lastMs = Number(values.minutes) * 60_000
const kills = Number(values.kills)
const MAIN_CF = `
front_threads = 2
single_thread = no
`

const last: (() => unknown)[] = []
const t = { after: (fn: () => unknown): void => void last.unshift(fn) }
const began = performance.now()
const goneMs = (): number => performance.now() - began

function show(steps: number, killed: number): void {
  const part = Math.min(1, goneMs() / lastMs)
  const bar = '#'.repeat(Math.round(part * 40)).padEnd(40, '.')
  const text = `[${bar}] ${(part * 100).toFixed(0)} %, ${steps} steps, ${killed} kills`
  if (process.stderr.isTTY) process.stderr.write(`\r${text}`)
  else if (Math.round(goneMs() / 1000) % 15 === 0) console.log(text)
}

try {
  const it = await install(t, MAIN_CF)
  let server: ChildProcess = await it.foreground()
  const added = await it.postigo(['account', 'add', 'ana', '-p'], 'secret\n')
  if (added.code !== 0) throw new Error(added.err)
  let steps = 0
  let killed = 0
  const killing = (async (): Promise<void> => {
    while (killed < kills) {
      await new Promise((wake) => setTimeout(wake, lastMs / (kills + 1)))
      if (goneMs() > lastMs) return
      await kill(server)
      server = await it.foreground()
      killed++
    }
  })()
  const timer = setInterval(() => show(steps, killed), 1000)
  const model = await crowd(t, {
    sessions: Number(values.sessions),
    seed: Number(values.seed),
    port: () => 143 + it.offset,
    limitMs: 120_000,
    goesOn: (done) => {
      steps = done
      return goneMs() < lastMs
    },
    settled: () => killing,
  })
  clearInterval(timer)
  for (const problem of model.problems) console.log(problem)
  if (model.problems.length > 0) console.log(model.trace)
  const counts = [...model.counts].map(([what, count]) => `${count} ${what}`).join(', ')
  console.log(
    `\n${values.sessions} sessions, ${(goneMs() / 1000).toFixed(0)} s, ${steps} steps, ${killed} kills: ${counts}; ` +
      `${model.gone.size} messages expunged; ${model.problems.length} problems`,
  )
  process.exitCode = model.problems.length === 0 ? 0 : 1
} finally {
  for (const fn of last) await fn()
}
