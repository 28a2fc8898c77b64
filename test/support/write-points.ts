/**
 * Every place between two writes of this process: before and after each call that changes a file below a directory, each commit
 * of a database, each child that is started, and before what a child said is heard. Such a place has a number and a name. Begun
 * before the program's own modules are loaded, it can end the process there, as a kill from outside would.
 */
import { readlinkSync, writeSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** Each with where in its arguments the path or the descriptor stands. */
const FILE_CALLS = [
  'writeSync',
  'writevSync',
  'fdatasync',
  'fdatasyncSync',
  'fsyncSync',
  'ftruncateSync',
  'fchmodSync',
  'renameSync',
  'linkSync',
  'unlinkSync',
  'rmSync',
  'mkdirSync',
  'writeFileSync',
] as const

/** What says nothing of mail: logs, locks, and the database's own files, which SQLite answers for. */
const APART = /(?:mail\.log|\.lock|-wal|-shm|mail\.db|control|socket)$|\/paths\/|\/tls\//

/** Frames of the program that a place is named by; those of floors below say nothing. */
const FRAME = /^\s+at (?:async )?(?:new )?(?:\S+ \()?.*\/src\/((?:mail|main|io)\/[^:]+):\d+/
const BELOW = /^io\/db\//
const FRAMES = 3

export interface WritePoints {
  /** Places passed so far. */
  readonly count: number
}

export interface WritePointOptions {
  readonly dir: string
  /** The place where the process ends: its number, or its name, of which the first counts; 0: none. */
  readonly killAt: number | string
  /** Told each place's name. */
  readonly onPoint?: (name: string) => void
}

export async function countWrites({ dir, killAt, onPoint }: WritePointOptions): Promise<WritePoints> {
  Error.stackTraceLimit = 40
  let count = 0
  const say = writeSync
  const point = (moment: 'before' | 'after', what: string): void => {
    count++
    if (onPoint === undefined && typeof killAt === 'number' && count !== killAt) return
    const name = `${moment} ${what} in ${place()}`
    onPoint?.(name)
    if (count !== killAt && name !== killAt) return
    say(1, `killed ${name}\n`)
    process.kill(process.pid, 'SIGKILL')
  }
  const counts = (target: unknown): boolean => {
    const path = typeof target === 'number' ? pathOf(target) : String(target)
    return path.startsWith(`${dir}/`) && !APART.test(path)
  }
  await wrapFiles(counts, point)
  await wrapCommits(point)
  await wrapChildren(point)
  return {
    get count() {
      return count
    },
  }
}

type Point = (moment: 'before' | 'after', what: string) => void
/** A function whose arguments are passed on as they are. */
type AnyCall = (...args: unknown[]) => unknown

async function wrapFiles(counts: (target: unknown) => boolean, point: Point): Promise<void> {
  const fs = (await import('node:fs')).default as unknown as Record<string, AnyCall> // to put others in their places
  for (const name of FILE_CALLS) {
    const original = fs[name]
    if (original === undefined) continue
    fs[name] = (...args) => {
      if (!counts(args[0])) return original(...args)
      point('before', name)
      const last = args.at(-1)
      if (typeof last === 'function')
        return original(...args.slice(0, -1), (...said: unknown[]) => {
          point('after', name)
          ;(last as AnyCall)(...said)
        })
      const result = original(...args)
      point('after', name)
      return result
    }
  }
  syncBuiltinESMExports()
}

async function wrapCommits(point: Point): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite')
  const { prototype } = DatabaseSync
  const prepare = Reflect.get(prototype, 'prepare') as typeof prototype.prepare // called with its own `this`
  prototype.prepare = function (text, ...rest) {
    const statement = prepare.call(this, text, ...rest)
    if (text !== 'COMMIT') return statement
    const run = statement.run.bind(statement)
    statement.run = () => {
      point('before', 'COMMIT')
      const result = run()
      point('after', 'COMMIT')
      return result
    }
    return statement
  }
}

async function wrapChildren(point: Point): Promise<void> {
  const children = (await import('node:child_process')).default as unknown as Record<string, AnyCall> // as above
  const original = children['spawn']
  if (original === undefined) return
  children['spawn'] = (...args) => {
    point('before', 'spawn')
    const child = original(...args) as { prependListener(event: string, then: () => void): void } // a ChildProcess
    point('after', 'spawn')
    child.prependListener('close', () => point('after', 'its end'))
    return child
  }
  syncBuiltinESMExports()
}

function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}

function place(): string {
  const frames: string[] = []
  for (const line of (new Error('here').stack ?? '').split('\n')) {
    const [, file] = FRAME.exec(line) ?? []
    if (file !== undefined && !BELOW.test(file) && frames.at(-1) !== file && frames.length < FRAMES) frames.push(file)
  }
  return frames.join(' < ')
}
