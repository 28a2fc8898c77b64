/**
 * A file system that fails: the n-th call that reads or changes a file below a directory, or makes it durable, ends in an error or writes less
 * than it was given, and so does the n-th commit of the database. Made in this process, before the program's modules are loaded
 * or after: their bindings of node:fs are live.
 */
import fs, { readlinkSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync } from 'node:sqlite'

/** `short`: half is written, and no error is said, as a signal or a nearly full disk may do. */
export type FaultKind = 'ENOSPC' | 'EIO' | 'short'

const CALLS = [
  'openSync',
  'readSync',
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
] as const
const APART = /(?:mail\.log|\.lock|\.lock\.\d+|control|socket|mail\.db(?:-wal|-shm)?)$|\/(?:paths|tls)\//
const ERRNO = { ENOSPC: -28, EIO: -5 }
/** SQLITE_FULL, SQLITE_IOERR. */
const SQLITE = { ENOSPC: 13, EIO: 10 }

type AnyCall = (...args: unknown[]) => unknown

export interface Faults {
  /** Calls and commits since `arm`. */
  readonly count: number
  /** Which call failed; undefined: none yet. */
  readonly failed: string | undefined
  /** @param at the first that fails; @param lasting all that follow fail, too */
  arm(at: number, kind: FaultKind, lasting: boolean): void
  disarm(): void
  undo(): void
}

export function makeFaults(dir: () => string): Faults {
  let [count, at, kind, lasting]: [number, number, FaultKind, boolean] = [0, 0, 'EIO', false]
  let failed: string | undefined
  let isArmed = false
  const due = (what: string): boolean => {
    if (!isArmed) return false
    count++
    const now = at > 0 && (count === at || (lasting && count > at))
    if (now) failed ??= what
    return now
  }
  const mine = (target: unknown): boolean => {
    if (!isArmed) return false
    const path = typeof target === 'number' ? pathOf(target) : String(target)
    return path.startsWith(`${dir()}/`) && !APART.test(path)
  }
  const undoFiles = wrapFiles(mine, due, () => kind)
  const undoCommits = wrapCommits(() => (isArmed && due('COMMIT') && kind !== 'short' ? kind : undefined))
  return {
    get count() {
      return count
    },
    get failed() {
      return failed
    },
    arm(first, how, isLasting) {
      ;[count, at, kind, lasting] = [0, first, how, isLasting]
      failed = undefined
      isArmed = true
    },
    disarm: () => void (isArmed = false),
    undo() {
      isArmed = false
      undoFiles()
      undoCommits()
    },
  }
}

function wrapFiles(
  mine: (target: unknown) => boolean,
  due: (what: string) => boolean,
  kind: () => FaultKind,
): () => void {
  const table = fs as unknown as Record<string, AnyCall> // to put others in their places
  const originals = new Map<string, AnyCall>()
  for (const name of CALLS) {
    const original = table[name]
    if (original === undefined) continue
    originals.set(name, original)
    table[name] = (...args) => {
      const reads = name === 'openSync' && (args[1] === undefined || args[1] === 'r')
      if (reads || !mine(args[0]) || !due(name)) return original(...args)
      const how = kind()
      if (how === 'short') return shortened(name, original, args)
      const error = Object.assign(new Error(`${how}: simulated, ${name}`), {
        code: how,
        errno: ERRNO[how],
        syscall: name,
      })
      const last = args.at(-1)
      if (typeof last !== 'function') throw error
      setImmediate(() => (last as AnyCall)(error))
      return undefined
    }
  }
  syncBuiltinESMExports()
  return () => {
    for (const [name, original] of originals) table[name] = original
    syncBuiltinESMExports()
  }
}

/** The real call with half the octets. */
function shortened(name: string, original: AnyCall, args: unknown[]): unknown {
  if (name === 'writevSync') {
    const [fd, buffers, at] = args as [number, Buffer[], number | null] // writevSync's own arguments
    const all = Buffer.concat(buffers)
    return fs.writeSync(fd, all, 0, Math.ceil(all.length / 2), at)
  }
  const [fd, octets, offset = 0, length, at = null] = args as [number, unknown, number?, number?, (number | null)?]
  if (name !== 'writeSync' || !Buffer.isBuffer(octets)) return original(...args)
  const all = length ?? octets.length - offset
  return original(fd, octets, offset, Math.ceil(all / 2), at)
}

function wrapCommits(failing: () => 'ENOSPC' | 'EIO' | undefined): () => void {
  const { prototype } = DatabaseSync
  const prepare = Reflect.get(prototype, 'prepare') as typeof prototype.prepare // called with its own `this`
  prototype.prepare = function (text, ...rest) {
    const statement = prepare.call(this, text, ...rest)
    if (text !== 'COMMIT') return statement
    const run = statement.run.bind(statement)
    statement.run = () => {
      const how = failing()
      if (how === undefined) return run()
      throw Object.assign(new Error(`simulated: ${how} at COMMIT`), { code: 'ERR_SQLITE_ERROR', errcode: SQLITE[how] })
    }
    return statement
  }
  return () => void (prototype.prepare = prepare)
}

function pathOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
