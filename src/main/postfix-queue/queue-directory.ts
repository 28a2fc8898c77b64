/**
 * Files in the directories of Postfix's queue, written by root. They are its owner's: who is that could leave a link in the place
 * of a file, so nothing is opened, given or changed through one.
 */
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lstatSync,
  openSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

const UNFINISHED = 0o600
const VALID = 0o700

/** What an earlier run left unfinished under this name makes way. @param atMs the file's time */
export function writeUnfinished(path: string, records: Iterable<Buffer>, atMs?: number): void {
  rmSync(path, { force: true })
  const fd = openSync(path, 'wx', UNFINISHED)
  try {
    for (const octets of records) for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
    const { uid, gid } = statSync(dirname(path))
    if (process.getuid?.() === 0) fchownSync(fd, uid, gid)
    if (atMs !== undefined) futimesSync(fd, atMs / 1000, atMs / 1000)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Postfix takes it up from now on. Gone: an earlier run made it so, and Postfix has taken it. */
export function makeValid(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    fchmodSync(fd, VALID)
  } finally {
    closeSync(fd)
  }
  const directory = openSync(dirname(path), 'r')
  try {
    fsyncSync(directory)
  } finally {
    closeSync(directory)
  }
}
