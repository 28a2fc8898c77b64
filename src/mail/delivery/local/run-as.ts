/** Running a program with a user's rights: the port, and the runner that starts it as a child of this process. */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { type CommandEnd, OUTPUT_LIMIT } from './outcome.ts'

export interface RunRequest {
  readonly uid: number
  readonly gid: number
  readonly argv: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  readonly input: Iterable<Buffer> | AsyncIterable<Buffer>
  readonly timeLimitMs: number
  /** Octets of output that are kept; OUTPUT_LIMIT where it is not said. What is more is read and dropped. */
  readonly outputLimit?: number
  /** Keep standard output alone. */
  readonly stdoutOnly?: boolean
}

/** Never throws for what a command does. */
export type RunAs = (request: RunRequest) => Promise<CommandEnd>

/** As this process's own child: as root it takes the user's place, otherwise it can only be itself. */
export const runAsChild: RunAs = (request) => {
  const { uid, gid } = request
  if (uid === 0) return Promise.resolve({ ended: 'refused', text: 'commands are never run as root' })
  const own = process.getuid?.()
  if (own !== 0 && own !== uid)
    return Promise.resolve({ ended: 'refused', text: `the server has no right to run commands as user id ${uid}` })
  return start(request, own === 0 ? { uid, gid } : {})
}

function start(request: RunRequest, rights: { readonly uid?: number; readonly gid?: number }): Promise<CommandEnd> {
  const [file = '', ...args] = request.argv
  const { cwd, env, timeLimitMs, stdoutOnly = false } = request
  return new Promise((resolve) => {
    // A group of its own, so that a time limit ends what it started too.
    const child = spawn(file, args, { cwd, env, ...rights, detached: true, stdio: 'pipe' })
    const kept = new Kept(request.outputLimit ?? OUTPUT_LIMIT)
    let late = false
    const end = (): void => {
      if (child.pid !== undefined) killGroup(child.pid)
    }
    const timer = setTimeout(() => {
      late = true
      end()
    }, timeLimitMs)
    child.stdout.on('data', (chunk: Buffer) => kept.add(chunk))
    child.stderr.on('data', (chunk: Buffer) => {
      if (!stdoutOnly) kept.add(chunk)
    })
    child.stdin.on('error', () => {}) // a command need not read its input
    child.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const text = `cannot run ${file}: ${error.message}`
      resolve({ ended: 'refused', text, ...(error.code !== undefined && { errno: error.code }) })
    })
    child.on('close', (status, signal) => {
      clearTimeout(timer)
      const output = kept.octets
      if (late) resolve({ ended: 'timeout', output })
      else if (signal !== null) resolve({ ended: 'killed', signal: constants.signals[signal], output })
      else resolve({ ended: 'exited', status: status ?? 0, output })
    })
    feed(child.stdin, request.input).catch(() => end()) // half a message is no message
  })
}

/** Writes with back-pressure; a closed pipe ends it. */
async function feed(
  stream: NodeJS.WritableStream & { readonly destroyed?: boolean },
  input: RunRequest['input'],
): Promise<void> {
  for await (const piece of input) {
    if (stream.destroyed === true || !stream.writable) return
    if (stream.write(piece)) continue
    await new Promise<void>((wake) => {
      const go = (): void => wake()
      stream.once('drain', go)
      stream.once('close', go)
    })
  }
  stream.end()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

class Kept {
  readonly #limit: number
  readonly #chunks: Buffer[] = []
  #size = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(chunk: Buffer): void {
    const part = chunk.subarray(0, this.#limit - this.#size)
    if (part.length === 0) return
    this.#size += part.length
    this.#chunks.push(part)
  }

  get octets(): Buffer {
    return Buffer.concat(this.#chunks)
  }
}
