/** The file system as the log uses it: a port, so that tests can let writes fail, or drop what was not synced. */
import * as fs from 'node:fs'

export interface FileSystem {
  /** Creates a file that must not exist yet; read and write. */
  create(path: string): number
  openRead(path: string): number
  openWrite(path: string): number
  /** Writes all octets of all buffers from `at` on. */
  write(fd: number, buffers: readonly Buffer[], at: number): void
  read(fd: number, into: Buffer, at: number): number
  size(fd: number): number
  truncate(fd: number, length: number): void
  dataSync(fd: number): Promise<void>
  dataSyncNow(fd: number): void
  close(fd: number): void
  rename(from: string, to: string): void
  unlink(path: string): void
  list(dir: string): string[]
  /** Makes the names in a directory durable. */
  syncDirectory(dir: string): Promise<void>
  syncDirectoryNow(dir: string): void
  makeDirectory(dir: string): void
}

/** writev(2) takes at most IOV_MAX buffers. */
const IOV_MAX = 1024

function writeAll(fd: number, buffers: readonly Buffer[], at: number): void {
  for (let from = 0; from < buffers.length; from += IOV_MAX) {
    const some = buffers.slice(from, from + IOV_MAX)
    const wanted = some.reduce((sum, buffer) => sum + buffer.length, 0)
    let written = fs.writevSync(fd, some, at)
    // A short write is rare (a signal, a nearly full disk): the rest goes in one piece, and its error is the real one.
    while (written < wanted) written += fs.writeSync(fd, Buffer.concat(some), written, wanted - written, at + written)
    at += wanted
  }
}

export const realFileSystem: FileSystem = {
  create: (path) => fs.openSync(path, 'wx+', 0o600),
  openRead: (path) => fs.openSync(path, 'r'),
  openWrite: (path) => fs.openSync(path, 'r+'),
  write: writeAll,
  read: (fd, into, at) => fs.readSync(fd, into, 0, into.length, at),
  size: (fd) => fs.fstatSync(fd).size,
  truncate: (fd, length) => fs.ftruncateSync(fd, length),
  dataSync: (fd) =>
    new Promise((resolve, reject) => fs.fdatasync(fd, (error) => (error === null ? resolve() : reject(error)))),
  dataSyncNow: (fd) => fs.fdatasyncSync(fd),
  close: (fd) => fs.closeSync(fd),
  rename: (from, to) => fs.renameSync(from, to),
  unlink: (path) => fs.unlinkSync(path),
  list: (dir) => fs.readdirSync(dir),
  async syncDirectory(dir) {
    const handle = await fs.promises.open(dir, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  },
  syncDirectoryNow(dir) {
    const fd = fs.openSync(dir, 'r')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
  },
  makeDirectory: (dir) => void fs.mkdirSync(dir, { recursive: true, mode: 0o700 }),
}
