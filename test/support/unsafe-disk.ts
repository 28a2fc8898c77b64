/**
 * A disk in memory that keeps no more than POSIX promises: what was written survives a power cut for certain only after its
 * fdatasync, a name only after its directory's fsync. What was not synced may be there whole, in part, or not at all, later
 * writes without earlier ones. It can also be full, fail to sync, and refuse to truncate.
 */
import type { FileSystem } from '#src/io/blobs/mod.ts'
import type { Random } from './random.ts'

type Change =
  | { readonly what: 'write'; readonly at: number; readonly octets: Buffer }
  | { readonly what: 'truncate'; readonly length: number }

interface Inode {
  content: Buffer
  durable: Buffer
  pending: Change[]
}

interface NameChange {
  readonly name: string
  readonly inode: Inode | undefined
}

/** What goes wrong, by probability of each call. */
export interface Faults {
  readonly full: number
  readonly sync: number
  readonly truncate: number
}

function changed(content: Buffer, change: Change): Buffer {
  if (change.what === 'truncate') {
    const cut = Buffer.alloc(change.length)
    content.copy(cut)
    return cut
  }
  const { at, octets } = change
  const grown = Buffer.alloc(Math.max(content.length, at + octets.length))
  content.copy(grown)
  octets.copy(grown, at)
  return grown
}

function keep(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name)
  else names.set(name, inode)
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code })
}

export class UnsafeDisk {
  readonly #random: Random
  #names = new Map<string, Inode>()
  #durableNames = new Map<string, Inode>()
  /** Changes of names, each one atomic. */
  #pendingNames: (readonly NameChange[])[] = []
  faults: Faults = { full: 0, sync: 0, truncate: 0 }

  constructor(random: Random) {
    this.#random = random
  }

  /**
   * The disk as one process sees it. `step` is called before each operation and throws when the process is no more.
   */
  mount(step: () => void): FileSystem {
    return new Mount(this, step)
  }

  /** The power goes: what was not synced is decided by chance. */
  cutPower(): void {
    const kept = new Map(this.#durableNames)
    // A journal keeps the order of names, so some first part of what was pending is there.
    for (const { name, inode } of this.#pendingNames
      .slice(0, this.#random.below(this.#pendingNames.length + 1))
      .flat()) {
      keep(kept, name, inode)
    }
    for (const inode of new Set(kept.values())) this.#settle(inode)
    this.#names = kept
    this.#durableNames = new Map(kept)
    this.#pendingNames = []
  }

  #settle(inode: Inode): void {
    for (const change of inode.pending) this.#perhaps(inode, change)
    inode.pending = []
    inode.content = Buffer.from(inode.durable)
  }

  #perhaps(inode: Inode, change: Change): void {
    const chance = this.#random.below(3)
    if (chance === 0) return
    const whole = chance === 1 || change.what === 'truncate'
    const part = whole
      ? change
      : { ...change, octets: change.octets.subarray(0, this.#random.below(change.octets.length)) }
    inode.durable = changed(inode.durable, part)
  }

  inode(path: string): Inode {
    const inode = this.#names.get(path)
    if (inode === undefined) throw failure('ENOENT')
    return inode
  }

  has(path: string): boolean {
    return this.#names.has(path)
  }

  rename(changes: readonly NameChange[]): void {
    for (const { name, inode } of changes) keep(this.#names, name, inode)
    this.#pendingNames.push(changes)
  }

  list(dir: string): string[] {
    return [...this.#names.keys()]
      .filter((path) => path.startsWith(`${dir}/`))
      .map((path) => path.slice(dir.length + 1))
  }

  /** A full disk takes the first part of what it is given. */
  change(inode: Inode, change: Change): void {
    const full = change.what === 'write' && this.#random.chance(this.faults.full)
    const done = full
      ? { ...change, octets: change.octets.subarray(0, this.#random.below(change.octets.length + 1)) }
      : change
    if (change.what === 'truncate' && this.#random.chance(this.faults.truncate)) throw failure('EIO')
    inode.content = changed(inode.content, done)
    inode.pending.push(done)
    if (full) throw failure('ENOSPC')
  }

  /** Makes the first `n` pending changes durable; a sync that fails leaves each to chance, for ever. */
  sync(inode: Inode, n: number): void {
    const changes = inode.pending.splice(0, n)
    if (this.#random.chance(this.faults.sync)) {
      for (const change of changes) this.#perhaps(inode, change)
      throw failure('EIO')
    }
    for (const change of changes) inode.durable = changed(inode.durable, change)
  }

  get pendingNames(): number {
    return this.#pendingNames.length
  }

  syncNames(n: number): void {
    for (const { name, inode } of this.#pendingNames.splice(0, n).flat()) keep(this.#durableNames, name, inode)
  }
}

class Mount implements FileSystem {
  readonly #disk: UnsafeDisk
  readonly #step: () => void
  readonly #open = new Map<number, Inode>()
  #lastFd = 2

  constructor(disk: UnsafeDisk, step: () => void) {
    this.#disk = disk
    this.#step = step
  }

  create(path: string): number {
    this.#step()
    if (this.#disk.has(path)) throw failure('EEXIST')
    this.#disk.rename([{ name: path, inode: { content: Buffer.alloc(0), durable: Buffer.alloc(0), pending: [] } }])
    return this.#openInode(path)
  }

  openRead(path: string): number {
    return this.#openInode(path)
  }

  openWrite(path: string): number {
    return this.#openInode(path)
  }

  write(fd: number, buffers: readonly Buffer[], at: number): void {
    this.#step()
    this.#disk.change(this.#inode(fd), { what: 'write', at, octets: Buffer.concat(buffers) })
  }

  read(fd: number, into: Buffer, at: number): number {
    const { content } = this.#inode(fd)
    return at < content.length ? content.copy(into, 0, at) : 0
  }

  size(fd: number): number {
    return this.#inode(fd).content.length
  }

  truncate(fd: number, length: number): void {
    this.#step()
    this.#disk.change(this.#inode(fd), { what: 'truncate', length })
  }

  async dataSync(fd: number): Promise<void> {
    this.#step()
    const inode = this.#inode(fd)
    const n = inode.pending.length
    await new Promise(setImmediate)
    this.#step()
    this.#disk.sync(inode, n)
  }

  dataSyncNow(fd: number): void {
    this.#step()
    const inode = this.#inode(fd)
    this.#disk.sync(inode, inode.pending.length)
  }

  close(fd: number): void {
    this.#inode(fd)
    this.#open.delete(fd)
  }

  rename(from: string, to: string): void {
    this.#step()
    this.#disk.rename([
      { name: to, inode: this.#disk.inode(from) },
      { name: from, inode: undefined },
    ])
  }

  unlink(path: string): void {
    this.#step()
    this.#disk.inode(path)
    this.#disk.rename([{ name: path, inode: undefined }])
  }

  list(dir: string): string[] {
    return this.#disk.list(dir)
  }

  async syncDirectory(_dir: string): Promise<void> {
    this.#step()
    const n = this.#disk.pendingNames
    await new Promise(setImmediate)
    this.#step()
    this.#disk.syncNames(n)
  }

  syncDirectoryNow(_dir: string): void {
    this.#step()
    this.#disk.syncNames(this.#disk.pendingNames)
  }

  makeDirectory(_dir: string): void {}

  #openInode(path: string): number {
    this.#open.set(++this.#lastFd, this.#disk.inode(path))
    return this.#lastFd
  }

  #inode(fd: number): Inode {
    const inode = this.#open.get(fd)
    if (inode === undefined) throw failure('EBADF')
    return inode
  }
}
