/** `postigo start`: the server, in the foreground or left behind. What runs is loaded when it is known which it is. */
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { LAUNCHED } from '../launcher/launched.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = `usage: postigo start [-c DIR] [--port-offset N] [--foreground]

  -c DIR           the configuration directory ($MAIL_CONFIG, else /etc/postfix)
  --port-offset N  adds N to every port, so that a directory can be tried beside a running server
  --foreground     stays, and prints "ready" when every port listens
`

export interface StartWords {
  readonly directory: string
  readonly portOffset: number
  readonly foreground: boolean
}

/** Longest time that a start may take before the one who waits for it gives up: recovery of a large log is in it. */
const START_LIMIT_MS = 300_000
const MAX_OFFSET = 64_000

export const start: Command = async (argv, io) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string', short: 'c' },
      'port-offset': { type: 'string' },
      foreground: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const portOffset = Number(values['port-offset'] ?? 0)
  if (!Number.isInteger(portOffset) || portOffset < 0 || portOffset > MAX_OFFSET) {
    io.err(`postigo start: --port-offset takes a number from 0 to ${MAX_OFFSET}\n`)
    return EX.usage
  }
  const words = { directory: configDirectory(values.config, io), portOffset, foreground: values.foreground ?? false }
  if (!words.foreground) return startDetached(words, io)
  if (process.env[LAUNCHED] !== undefined) return (await import('./serve.ts')).runLaunched(words, io)
  if (process.getuid?.() === 0) return (await import('../launcher/launcher.ts')).launch(words, io)
  return (await import('./serve.ts')).runServer(words, io)
}

/** Starts a process of its own and waits until it is ready, or says why it is not. */
function startDetached(words: StartWords, io: CliIo): Promise<number> {
  const script = process.argv[1] ?? ''
  const argv = [
    ...process.execArgv,
    script,
    'start',
    '-c',
    words.directory,
    '--port-offset',
    String(words.portOffset),
    '--foreground',
  ]
  const env = { ...process.env, POSTIGO_CALLED_AS: 'postigo' }
  const child = spawn(process.execPath, argv, { detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env })
  let said = ''
  child.stdout?.on('data', (chunk: Buffer) => (said += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => io.err(chunk.toString()))
  return new Promise((resolve) => {
    const limit = setTimeout(() => resolve(EX.tempFail), START_LIMIT_MS)
    const done = (code: number): void => {
      clearTimeout(limit)
      child.stdout?.destroy()
      child.stderr?.destroy()
      child.unref()
      resolve(code)
    }
    child.once('exit', (code) => done(code ?? EX.software))
    child.once('message', () => {
      // What it printed before `ready`: the services; log lines that came meanwhile are not for the terminal.
      io.out(said.slice(0, said.indexOf('ready\n') + 6))
      if (child.connected) child.disconnect()
      done(EX.ok)
    })
  })
}
