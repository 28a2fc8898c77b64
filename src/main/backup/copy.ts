/** Files copied with their sums, and never seen half. */
import { createHash } from 'node:crypto'
import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'

const PIECE = 1024 * 1024
/** Octets that are brought to the disk at a time. */
const SYNC_EVERY = 64 * PIECE

/** Told how many octets have gone by. */
export type Tick = (octets: number) => void

/** The path is no file, but a link or a device. */
export class NoFileError extends Error {}

/** Follows no link: what lies in a directory of somebody else may lead anywhere. */
export function openFile(path: string): number {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw new NoFileError(`${path} is no file`)
}

/**
 * The first `octets` of an open file become a file, which has its name when it is durable.
 * @returns its SHA-256; undefined where the file was shorter, and then nothing is there
 */
export function copyFrom(fd: number, to: string, octets: number, mode: number, tick: Tick): string | undefined {
  const partial = `${to}.part`
  rmSync(partial, { force: true })
  const out = openSync(partial, 'wx', 0o600)
  let sum: string | undefined
  try {
    sum = pump(fd, octets, tick, (piece, at) => {
      for (let done = 0; done < piece.length;) done += writeSync(out, piece, done, piece.length - done, at + done)
      if (Math.floor((at + piece.length) / SYNC_EVERY) > Math.floor(at / SYNC_EVERY)) fsyncSync(out)
    })
    if (sum !== undefined) {
      fchmodSync(out, mode)
      fsyncSync(out)
    }
  } finally {
    closeSync(out)
    if (sum === undefined) rmSync(partial, { force: true })
  }
  if (sum !== undefined) renameSync(partial, to)
  return sum
}

/** SHA-256 of a file; undefined where it is not there, no file, or of another size. */
export function sumOf(path: string, octets: number, tick: Tick): string | undefined {
  let fd: number
  try {
    fd = openFile(path)
  } catch {
    return undefined
  }
  try {
    return fstatSync(fd).size === octets ? pump(fd, octets, tick, () => {}) : undefined
  } finally {
    closeSync(fd)
  }
}

function pump(fd: number, octets: number, tick: Tick, take: (piece: Buffer, at: number) => void): string | undefined {
  const sum = createHash('sha256')
  const piece = Buffer.allocUnsafe(Math.min(PIECE, Math.max(1, octets)))
  for (let at = 0; at < octets;) {
    const read = readSync(fd, piece, 0, Math.min(piece.length, octets - at), at)
    if (read === 0) return undefined
    take(piece.subarray(0, read), at)
    sum.update(piece.subarray(0, read))
    at += read
    tick(read)
  }
  return sum.digest('hex')
}

export function syncDirectory(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
