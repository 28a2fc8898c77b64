/** Writing a configuration file so that readers see the old one or the new one, whole. */
import {
  closeSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'

/** Replaces a file's content; mode and owner stay. Throws what the system says. */
export function replaceFile(file: string, text: string): void {
  const fresh = `${file}.${process.pid}.new`
  const before = statSync(file)
  const fd = openSync(fresh, 'wx', before.mode & 0o777)
  let isPlaced = false
  try {
    const octets = Buffer.from(text, 'utf8')
    for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
    fchmodSync(fd, before.mode & 0o7777) // not what umask left of it
    if (process.getuid?.() === 0) fchownSync(fd, before.uid, before.gid)
    fsyncSync(fd)
    renameSync(fresh, file)
    isPlaced = true
  } finally {
    closeSync(fd)
    if (!isPlaced) unlinkSync(fresh)
  }
}
