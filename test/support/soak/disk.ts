/** A file system of its own for the data, so that it can be full without anybody else's being it. Root's work. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export class SmallDisk {
  readonly path: string
  readonly #dir: string
  readonly #image: string

  /** An ext4 of so many MiB in a file, else a tmpfs where no loop device can be had. Throws where neither can. */
  constructor(mib: number) {
    this.#dir = mkdtempSync(join(tmpdir(), 'postigo-disk-'))
    chmodSync(this.#dir, 0o755)
    this.path = join(this.#dir, 'disk')
    this.#image = join(this.#dir, 'disk.img')
    mkdirSync(this.path)
    const isMade =
      run('truncate', '-s', `${mib}M`, this.#image) &&
      run('mkfs.ext4', '-q', '-m', '0', this.#image) &&
      run('mount', '-o', 'loop', this.#image, this.path)
    if (!isMade && !run('mount', '-t', 'tmpfs', '-o', `size=${mib}m`, 'tmpfs', this.path))
      throw new Error(`no file system can be mounted at ${this.path}`)
  }

  /** Takes all the room that is left; answers what gives it back. */
  fill(): () => void {
    const file = join(this.path, 'filler')
    const { bavail, bsize } = statfsSync(this.path)
    if (!run('fallocate', '-l', String(Math.max(1, bavail - 2) * bsize), file))
      run('dd', 'if=/dev/zero', `of=${file}`, 'bs=1M', 'status=none')
    return () => rmSync(file, { force: true })
  }

  usedMib(): number {
    const { blocks, bfree, bsize } = statfsSync(this.path)
    return ((blocks - bfree) * bsize) / 1024 / 1024
  }

  remove(): void {
    if (!run('umount', this.path)) run('umount', '-l', this.path)
    rmSync(this.#dir, { recursive: true, force: true })
  }
}

const run = (program: string, ...words: readonly string[]): boolean =>
  spawnSync(program, words, { stdio: 'ignore', timeout: 60_000 }).status === 0
