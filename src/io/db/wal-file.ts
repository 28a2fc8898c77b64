/**
 * The WAL as a file, beside SQLite: made durable on demand, and looked at for its size. Only ever `mail.db-wal`: closing
 * a descriptor of mail.db or mail.db-shm would drop the POSIX locks that SQLite holds on them for the whole process.
 */
import { close, closeSync, fdatasync, fsync, open, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const fdatasyncAsync = promisify(fdatasync)
const fsyncAsync = promisify(fsync)
const openAsync = promisify(open)
const closeAsync = promisify(close)

export class WalFile {
  readonly #path: string
  #fd: number | undefined
  #running: Promise<void> | undefined
  #waiting: Promise<void> | undefined
  #closed = false

  /** @param path of the database */
  constructor(path: string) {
    this.#path = `${path}-wal`
  }

  /** Resolves when all that was committed before the call is durable. Calls that wait together share one fdatasync. */
  sync(): Promise<void> {
    if (this.#running === undefined) return this.#start()
    const begin = (): Promise<void> => {
      this.#waiting = undefined
      return this.#start()
    }
    this.#waiting ??= this.#running.then(begin, begin)
    return this.#waiting
  }

  close(): void {
    this.#closed = true
    if (this.#running === undefined) this.#closeFd()
  }

  #start(): Promise<void> {
    // One at a time: `running` stays until the one that waits for it has begun.
    this.#running = this.#sync().finally(() => {
      if (this.#waiting !== undefined) return
      this.#running = undefined
      if (this.#closed) this.#closeFd()
    })
    return this.#running
  }

  async #sync(): Promise<void> {
    if (this.#fd === undefined) await this.#open()
    if (this.#fd !== undefined) await fdatasyncAsync(this.#fd)
  }

  /** The file appears with the first transaction; its name has to be durable too. No file: nothing was ever committed. */
  async #open(): Promise<void> {
    try {
      this.#fd = openSync(this.#path, 'r+')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return // all that fs throws has a code
      throw error
    }
    const dir = await openAsync(dirname(this.#path), 'r')
    try {
      await fsyncAsync(dir)
    } finally {
      await closeAsync(dir)
    }
  }

  #closeFd(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }
}
