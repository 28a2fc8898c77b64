/** Runs Debian's mail clients. One that is missing fails the test and names its package. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** A client that hangs is ended. */
const LIMIT_MS = 60_000

/** Throws, naming the package, where the program is not installed. */
export function pathOf(program: string, packageName: string): string {
  if (program.startsWith('/')) return program
  const found = (process.env['PATH'] ?? '')
    .split(':')
    .concat('/usr/sbin', '/sbin')
    .map((dir) => `${dir}/${program}`)
    .find((path) => existsSync(path))
  if (found === undefined)
    throw new Error(`${program} is not installed: apt-get install ${packageName} (or npm run setup:test)`)
  return found
}

export function run(
  program: string,
  args: readonly string[],
  options: {
    readonly package?: string
    readonly input?: string | Buffer
    readonly env?: Readonly<Record<string, string>>
    readonly cwd?: string
  } = {},
): Promise<Ran> {
  const child = spawn(pathOf(program, options.package ?? program), args, {
    env: { ...process.env, ...options.env },
    cwd: options.cwd,
    timeout: LIMIT_MS,
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  const out: Buffer[] = []
  const err: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  child.stdin.on('error', () => {}) // a client that does not read its input
  child.stdin.end(options.input ?? '')
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({
        code: code ?? -1,
        out: Buffer.concat(out).toString('latin1'),
        err: Buffer.concat(err).toString('latin1'),
      }),
    )
  })
}

/** Something that holds dots at line starts, a long line and octets above ASCII, ended by a line end. */
export function sampleMessage(subject: string): string {
  const body = ['.', '..two dots', '.x', 'ñandú 日本', 'x'.repeat(900), '', 'last line'].join('\r\n')
  return `From: ana@mail.example.test\r\nTo: eva@mail.example.test\r\nSubject: ${subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\nMessage-ID: <${subject}@client.test>\r\nDate: Tue, 24 Nov 2026 09:00:00 +0000\r\n\r\n${body}\r\n`
}

/** What stands behind the trace fields that we put in front. */
export function withoutTrace(message: string): string {
  const at = message.indexOf('From: ')
  return at < 0 ? message : message.slice(at)
}
