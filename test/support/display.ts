/** A screen in memory (Xvfb) for mail programs with windows; its number is one that is free. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import { pathOf } from './client.ts'

/** Answers what DISPLAY has to be. */
export async function startDisplay(t: Pick<TestContext, 'after'>): Promise<string> {
  const child = spawn(pathOf('Xvfb', 'xvfb'), ['-displayfd', '3', '-screen', '0', '1280x1024x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  })
  t.after(() => end(child))
  const number = child.stdio[3]
  if (!(number instanceof Readable)) throw new Error('no pipe to Xvfb')
  let said = ''
  for await (const chunk of number) {
    said += String(chunk)
    if (said.endsWith('\n')) return `:${said.trim()}`
  }
  throw new Error('Xvfb ended before it had a display')
}

/** What a program on that screen finds around it. */
export const onDisplay = (display: string, home: string): Record<string, string> => ({
  HOME: home,
  XDG_RUNTIME_DIR: home,
  TMPDIR: home,
  DISPLAY: display,
  LANG: 'C.UTF-8',
  NO_AT_BRIDGE: '1', // no bus for assistive technology
  GSETTINGS_BACKEND: 'memory',
})

/** A program on that screen, in a process group of its own, as what it starts ends with it. */
export function startOnDisplay(
  t: Pick<TestContext, 'after'>,
  program: string,
  args: readonly string[],
  options: { readonly package: string; readonly display: string; readonly home: string },
): ChildProcess {
  const child = spawn(pathOf(program, options.package), args, {
    env: { PATH: process.env['PATH'], ...onDisplay(options.display, options.home) },
    stdio: ['ignore', 'ignore', 'ignore'],
    detached: true,
  })
  t.after(() => end(child, true))
  return child
}

async function end(child: ChildProcess, withGroup = false): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  process.kill(withGroup ? -child.pid : child.pid, 'SIGKILL')
  await gone
}
