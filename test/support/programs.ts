/** Programs that stand beside a mail server, started for a test and gone with it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

const START_MS = 60_000
const END_MS = 10_000

/** Runs until the test ends; with all its children. @param log what is shown where it does not start */
export async function program(
  t: TestContext,
  argv: readonly [string, ...string[]],
  isUp: () => Promise<boolean> | boolean,
  log?: string,
): Promise<ChildProcess> {
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', ...argv], {
    detached: true, // a session of its own
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => (said = (said + String(chunk)).slice(-4000)))
  t.after(() => endSession(child))
  const limit = Date.now() + START_MS
  while (!(await isUp())) {
    if (child.exitCode !== null || Date.now() > limit) throw new Error(`${argv[0]} did not start: ${said}${tail(log)}`)
    await sleep(100)
  }
  return child
}

function tail(log: string | undefined): string {
  try {
    return log === undefined ? '' : readFileSync(log, 'utf8').slice(-4000)
  } catch {
    return ''
  }
}

/** Servers that fork do so within the session that was made for them. */
async function endSession(child: ChildProcess): Promise<void> {
  const { pid } = child
  if (pid === undefined) return
  const isThere = child.exitCode === null && child.signalCode === null
  const gone = isThere ? once(child, 'exit') : undefined
  const signal = (name: string): unknown => spawnSync('pkill', [name, '-s', String(pid)])
  signal('-TERM')
  const late = setTimeout(() => signal('-KILL'), END_MS)
  await gone
  clearTimeout(late)
}

/** Whether somebody listens there. */
export function isOpen(host: string, port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const socket = connect({ host, port })
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  return promise.finally(() => socket.destroy())
}
