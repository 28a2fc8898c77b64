/** Postigo on a world: the program itself, as a user starts it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inView, type View } from './namespace.ts'
import type { Running } from './postfix.ts'
import { type Place, PORT_OFFSET, type World, writeWorld } from './world.ts'
import { BIN } from '../../support/checkout.ts'

/** @param built a directory where postmap has been: its indexes are read as they are; undefined: there are none */
export async function startPostigo(
  world: World,
  place: Place,
  base: number,
  view: View,
  built: string | undefined,
  portOffset = PORT_OFFSET,
): Promise<Omit<Running, 'idle'>> {
  const { dir } = place
  // Wrong log-ins are compared, and not how Postigo slows those who guess.
  const mainCf = `${world.mainCf}\nlogin_ban_exceptions = 0.0.0.0/0, [::]/0\n`
  writeWorld({ ...world, mainCf }, place, base, '')
  for (const name of built === undefined ? [] : readdirSync(built))
    if (/\.(db|lmdb|cdb)$/.test(name)) cpSync(join(built ?? '', name), join(dir, name))
  const [command, ...words] = inView(view, [
    BIN,
    'start',
    '--foreground',
    '-c',
    dir,
    '--port-offset',
    String(portOffset),
  ])
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] })
  const last = (): void => void child.kill('SIGKILL')
  process.once('exit', last)
  await ready(child)
  return {
    dir,
    log: () => readFileSync(join(dir, 'log/mail.log'), 'utf8'),
    async stop() {
      process.off('exit', last)
      if (child.exitCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL') // nothing that it holds is wanted
      await gone
    },
  }
}

async function ready(child: ChildProcess): Promise<void> {
  let said = ''
  for await (const chunk of child.stdout ?? []) {
    said += String(chunk)
    if (said.endsWith('ready\n')) break
  }
  if (!said.endsWith('ready\n')) throw new Error(`Postigo did not start: ${said}`)
  child.stdout?.resume()
}
