/** Postigo in a process of its own (server.ts), as its installed form starts it. */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface Ours {
  readonly pid: number
  readonly ports: Readonly<Record<string, number>>
  /** Asks server.ts for something. */
  ask<T>(what: 'syncs' | 'memory' | 'forget'): Promise<T>
  stop(): Promise<void>
}

/** `BENCH_PROF=directory` has the profiler write there what the server did. */
export async function startOurs(mainCf: string, args: readonly string[] = []): Promise<Ours> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-bench-'))
  writeFileSync(join(dir, 'main.cf'), mainCf)
  const profile = process.env['BENCH_PROF']
  const child = fork(join(import.meta.dirname, 'server.ts'), [dir], {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      '--external-memory-accounted-in-global-limit',
      '--max-semi-space-size=4',
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      ...args,
    ],
  })
  const answer = <T>(): Promise<T> =>
    new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error('The server ended'))
      child.once('exit', ended)
      child.once('message', (message) => {
        child.removeListener('exit', ended)
        resolve(message as T) // bench/server.ts's words
      })
    })
  const { ports } = await answer<{ ports: Record<string, number> }>()
  return {
    pid: child.pid ?? 0,
    ports,
    ask<T>(what: string) {
      child.send(what)
      return answer<T>()
    },
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.send('stop')
      await gone
      rmSync(dir, { recursive: true })
    },
  }
}
