/**
 * One backup: the server gives a snapshot of the database and holds the log; the segments that the snapshot knows are copied up to where it knows
 * them, but for those that are there from an earlier backup; all is read back; then the generation gets its name. Stopped anywhere, the
 * generations of before are untouched, and the segments copied so far need not be copied again.
 */
import { closeSync, fstatSync, readSync, realpathSync, renameSync, statfsSync, writeFileSync } from 'node:fs'
import { hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { IDENTITY_OCTETS, segmentIdentity, segmentPath, type SegmentRow, segmentRows } from '../../io/blobs/mod.ts'
import { withRights } from '../folders/rights.ts'
import type { ControlAnswer, ControlRequest } from '../server/control.ts'
import type { DataPaths } from '../server/data-dir.ts'
import { openMailDatabase } from '../server/database.ts'
import { version } from '../version.ts'
import { copyOne, type CopiedTree, copyTree } from './config-files.ts'
import { copyFrom, openFile, sumOf, syncDirectory, type Tick } from './copy.ts'
import { knownSums, openDirectory, prune, startGeneration } from './directory.ts'
import { letGo, RENEW_EVERY_MS, renewHold, snapshotPath } from './holds.ts'
import {
  type BackedFile,
  type BackedSegment,
  BackupError,
  FORMAT,
  generationName,
  generationsIn,
  type Manifest,
  segmentFile,
} from './manifest.ts'
import { type Verified, verifyGeneration } from './verify.ts'

/** How often it is looked whether the snapshot is made. */
const LOOK_EVERY_MS = 50
/** What stays free in the directory. */
const SPARE_OCTETS = 64 * 1024 * 1024

export interface BackupJob {
  readonly dir: string
  readonly configDirectory: string
  readonly data: {
    readonly paths: DataPaths
    readonly owner: { readonly uid: number; readonly gid: number }
    ask(request: ControlRequest): Promise<ControlAnswer>
  }
  readonly keep: number
  readonly secrets: boolean
  readonly progress: (what: string, done: number, expected: number) => void
}

export interface BackupReport {
  readonly generation: string
  readonly octets: number
  readonly copiedSegments: number
  readonly segments: number
  readonly verified: Verified
  readonly leftOut: readonly string[]
  readonly removed: readonly string[]
}

/** Throws BackupError, and what the file system says. */
export async function makeBackup(job: BackupJob): Promise<BackupReport> {
  const lock = openDirectory(job.dir, job.data.paths.dir)
  try {
    return await new Backup(job).run()
  } finally {
    lock.release()
  }
}

class Backup {
  readonly #job: BackupJob
  readonly #madeMs = Date.now()
  #id = ''
  #renewedMs = performance.now()
  #copied = 0
  #octets = 0

  constructor(job: BackupJob) {
    this.#job = job
  }

  async run(): Promise<BackupReport> {
    const { dir, keep, configDirectory } = this.#job
    const at = startGeneration(dir)
    let database: BackedFile
    let segments: BackedSegment[]
    try {
      await this.#snapshot()
      database = this.#database(at)
      segments = this.#segments(at)
    } finally {
      if (this.#id !== '') await this.#letGo()
      this.#id = ''
    }
    const secrets = this.#job.secrets ? this.#secrets(at) : { files: [], leftOut: [] }
    // Of a trial the data lie below the configuration.
    const but = [dirname(this.#job.data.paths.dir), dir].map((path) => realpathSync(path))
    const config = copyTree(realpathSync(configDirectory), at, 'config', () => {}, { but })
    const files = [database, ...secrets.files, ...config.files]
    const leftOut = [...secrets.leftOut, ...config.leftOut]
    const made = { format: FORMAT, version, madeMs: this.#madeMs, files, segments, leftOut } as const
    const verified = verifyGeneration(
      { ...made, problems: [] },
      { dir, at, tick: this.#ticker('KiB read back', sizeOf(made)) },
    )
    const generation = this.#name(at, { ...made, problems: verified.problems })
    const removed = prune(dir, keep)
    const counts = { octets: this.#octets, copiedSegments: this.#copied, segments: segments.length }
    return { generation, ...counts, verified, leftOut, removed }
  }

  /** The server may have been ended meanwhile. */
  async #letGo(): Promise<void> {
    const { paths, owner } = this.#job.data
    await this.#job.data.ask({ command: 'backup-end', id: this.#id }).catch(() => undefined)
    withRights(owner, () => letGo(paths.snapshots, this.#id))
  }

  async #asked(request: ControlRequest): Promise<Extract<ControlAnswer, { ok: true }>> {
    const answer = await this.#job.data.ask(request)
    if (!answer.ok) throw new BackupError(`the snapshot of the database: ${answer.error}`)
    return answer
  }

  async #snapshot(): Promise<void> {
    this.#id = String((await this.#asked({ command: 'backup-begin' }))['id'])
    for (;;) {
      const { state, done, total } = await this.#asked({ command: 'backup-state', id: this.#id })
      if (state === 'made') return
      this.#job.progress('pages of the database', Number(done), Number(total))
      this.#renew()
      await sleep(LOOK_EVERY_MS)
    }
  }

  /** A hold that is gone means that a segment may be: then the copy of it fails, or the last look does. */
  #renew(): void {
    const now = performance.now() // which nobody sets back
    if (this.#id === '' || now - this.#renewedMs < RENEW_EVERY_MS) return
    this.#renewedMs = now
    const { paths, owner } = this.#job.data
    try {
      withRights(owner, () => renewHold(paths.snapshots, this.#id))
    } catch (cause) {
      throw new BackupError('the log is not held any more: run it again', { cause })
    }
  }

  #ticker(what: string, expected: number): Tick {
    let done = 0
    return (octets) => {
      done += octets
      this.#renew() // one file may take longer than a hold lasts
      this.#job.progress(what, Math.round(done / 1024), Math.round(expected / 1024))
    }
  }

  #database(at: string): BackedFile {
    const { paths } = this.#job.data
    const path = snapshotPath(paths.snapshots, this.#id)
    const fd = this.#open(path)
    try {
      const { size } = fstatSync(fd)
      this.#needRoom(size)
      const sha256 = copyFrom(fd, join(at, 'mail.db'), size, 0o600, this.#ticker('KiB of the database', size))
      if (sha256 === undefined) throw new BackupError('the snapshot became shorter while it was read')
      this.#octets += size
      return { path: 'mail.db', octets: size, sha256, mode: 0o600 }
    } finally {
      closeSync(fd)
    }
  }

  #open(path: string): number {
    return withRights(this.#job.data.owner, () => openFile(path))
  }

  #needRoom(octets: number): void {
    const { bavail, bsize } = statfsSync(this.#job.dir)
    if (bavail * bsize >= octets + SPARE_OCTETS) return
    const mib = (n: number): number => Math.ceil(n / 1024 ** 2)
    throw new BackupError(
      `no room in ${this.#job.dir}: ${mib(octets + SPARE_OCTETS)} MiB are wanted, ${mib(bavail * bsize)} MiB are free`,
    )
  }

  #segments(at: string): BackedSegment[] {
    const db = openMailDatabase(join(at, 'mail.db'), { readOnly: true })
    let rows: SegmentRow[]
    try {
      rows = segmentRows(db.read).filter(({ state, watermark }) => state !== 'dead' && watermark > 0)
    } finally {
      db.close()
    }
    const sums = knownSums(this.#job.dir)
    const tick = this.#ticker(
      'KiB of the log',
      rows.reduce((octets, { watermark }) => octets + watermark, 0),
    )
    const backed = rows.flatMap((row) => this.#segment(row, sums, tick) ?? [])
    syncDirectory(join(this.#job.dir, 'segments'))
    return backed
  }

  /** undefined: it holds nothing; or it is not there, and the last look says whether that matters. */
  #segment({ number, watermark }: SegmentRow, sums: Map<string, string>, tick: Tick): BackedSegment | undefined {
    this.#renew()
    let fd: number
    try {
      fd = this.#open(segmentPath(this.#job.data.paths.log, number))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined // all that fs throws has a code
      throw error
    }
    try {
      const head = Buffer.alloc(IDENTITY_OCTETS)
      readSync(fd, head, 0, head.length, 0)
      const id = segmentIdentity(head, number)
      if (id === undefined) return undefined
      const octets = Math.min(watermark, fstatSync(fd).size)
      const file = segmentFile(number, octets, id)
      const to = join(this.#job.dir, 'segments', file)
      // What lies there has to be what was written, or is copied anew. What a killed backup left has no sum: its records have.
      const there = sumOf(to, octets, tick)
      if (there !== undefined && there === (sums.get(file) ?? there)) return { number, octets, file, sha256: there }
      const sha256 = this.#copy(fd, to, octets, tick)
      return { number, octets, file, sha256 }
    } finally {
      closeSync(fd)
    }
  }

  #copy(fd: number, to: string, octets: number, tick: Tick): string {
    this.#needRoom(octets)
    const sha256 = copyFrom(fd, to, octets, 0o600, tick)
    if (sha256 === undefined) throw new BackupError('a segment became shorter while it was read; run it again')
    this.#copied++
    this.#octets += octets
    return sha256
  }

  /** Without credential.key nobody can log in. */
  #secrets(at: string): CopiedTree {
    const { paths } = this.#job.data
    const open = (path: string): number => this.#open(path)
    const trees = [
      copyTree(paths.tls, at, 'secrets/tls', () => {}, { open }),
      copyTree(paths.acme, at, 'secrets/acme', () => {}, { open }),
    ]
    const key = copyOne(paths.key, join(at, 'secrets', 'credential.key'), 'secrets/credential.key', () => {}, open)
    return {
      files: [key, ...trees.flatMap(({ files }) => files)],
      leftOut: trees.flatMap(({ leftOut }) => leftOut),
    }
  }

  /** All of it is durable, then it is a generation. */
  #name(at: string, manifest: Manifest): string {
    const { dir } = this.#job
    const text = `${JSON.stringify(manifest, undefined, 1)}\n`
    writeFileSync(join(at, 'manifest.json'), text, { mode: 0o600, flush: true })
    writeFileSync(join(at, 'manifest.sha256'), `${hash('sha256', text)}\n`, { mode: 0o600, flush: true })
    const generations = join(dir, 'generations')
    for (const path of new Set([...manifest.files.map(({ path }) => join(at, path, '..')), at])) syncDirectory(path)
    const generation = generationName(this.#madeMs, generationsIn(dir).at(-1))
    renameSync(at, join(generations, generation))
    syncDirectory(generations)
    syncDirectory(dir)
    return generation
  }
}

function sizeOf({ files, segments }: Pick<Manifest, 'files' | 'segments'>): number {
  return [...files, ...segments].reduce((sum, { octets }) => sum + octets, 0)
}
