/** What an earlier run as root left, or a start makes, is given to the mail owner: data, public directories, the log file. */
import {
  chmodSync,
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'
import type { SystemUser } from '../../mail/delivery/mod.ts'
import { dataPaths } from '../server/data-dir.ts'
import { makePublicDirectory, publicPaths } from '../server/maildrop.ts'

/** It cannot be given; the message says what and why. */
export class HandOverError extends Error {}

/** Throws HandOverError. */
export function handOver(config: Config, owner: SystemUser): void {
  const { dir, compiled } = dataPaths(config)
  const open = publicPaths(config)
  try {
    const parent = dirname(dir)
    if (lstatSync(parent, { throwIfNoEntry: false }) === undefined) {
      mkdirSync(parent, { recursive: true, mode: 0o755 })
      lchownSync(parent, owner.uid, owner.gid)
    }
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    chmodSync(dir, 0o700)
    makePublicDirectory(open)
    // What lies in the maildrop belongs to who made it, and says so by that.
    for (const path of [open.dir, open.maildrop]) give(path, owner)
    mkdirSync(compiled, { recursive: true, mode: 0o700 })
    giveAll(dir, owner, compiled)
    giveLog(config.value('maillog_file') ?? '', owner)
  } catch (cause) {
    if (cause instanceof HandOverError) throw cause
    const text = cause instanceof Error ? cause.message : String(cause)
    throw new HandOverError(`the data cannot be given to ${owner.name}: ${text}`, { cause })
  }
}

/** @param but a directory whose files are the owner's from the start, and come and go while a server ends */
function giveAll(path: string, owner: SystemUser, but: string): void {
  if (!give(path, owner) || path === but) return
  for (const name of readdirSync(path)) giveAll(join(path, name), owner, but)
}

/** True for a directory. A file with a second name, a link or a device is not ours: who put it there wants something. */
function give(path: string, owner: SystemUser): boolean {
  const stat = lstatSync(path)
  if (stat.uid !== owner.uid) {
    if (stat.uid !== 0)
      throw new HandOverError(`${path} belongs to user id ${stat.uid}, neither to root nor to ${owner.name}`)
    if (stat.isFile() && stat.nlink !== 1) throw new HandOverError(`${path} has another name`)
    if (!stat.isFile() && !stat.isDirectory() && !stat.isSocket()) throw new HandOverError(`${path} is no file`)
    lchownSync(path, owner.uid, owner.gid)
  }
  return stat.isDirectory()
}

function giveLog(path: string, owner: SystemUser): void {
  if (!path.startsWith('/') || path.startsWith('/dev/')) return
  // A link is left as it is: its owner may have made it to be given what it names.
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true) return
  const fd = openSync(path, constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW, 0o640)
  try {
    const { uid, nlink } = fstatSync(fd)
    if (fstatSync(fd).isFile() && uid === 0 && nlink === 1) fchownSync(fd, owner.uid, owner.gid)
  } finally {
    closeSync(fd)
  }
}
