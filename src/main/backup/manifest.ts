/**
 * What lies where in a backup's directory.
 *
 *     DIR/postigo-backup                       says what the directory is
 *     DIR/lock                                 held while a backup is made
 *     DIR/segments/NUMBER-OCTETS-ID.log        of the message log, each once; ID: of its first record
 *     DIR/generations/TIME/manifest.json       what belongs to this one, with sums
 *     DIR/generations/TIME/manifest.sha256     of the manifest
 *     DIR/generations/TIME/mail.db             one moment of the database
 *     DIR/generations/TIME/secrets/…           credential.key, tls, acme
 *     DIR/generations/TIME/config/…            the configuration directory
 *
 * A generation has its name only when all of it is durable; until then it is `.new`.
 */
import { hash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export const FORMAT = 1
export const MARKER = 'postigo-backup'
export const NEW = '.new'
const GENERATION_NAME = /^\d{8}T\d{9}Z$/
const FILE_NAME = /^(?:mail\.db|(?:secrets|config)(?:\/[^/\0]+)+)$/
const SEGMENT_FILE = /^\d{10}-\d+-[0-9a-f]{32}\.log$/

export interface BackedFile {
  /** Below the generation. */
  readonly path: string
  readonly octets: number
  readonly sha256: string
  readonly mode: number
}

export interface BackedSegment {
  readonly number: number
  readonly octets: number
  /** Below `segments`. */
  readonly file: string
  readonly sha256: string
}

export interface Manifest {
  readonly format: typeof FORMAT
  /** Of Postigo. */
  readonly version: string
  readonly madeMs: number
  readonly files: readonly BackedFile[]
  readonly segments: readonly BackedSegment[]
  /** What was damaged or missing in the data already. */
  readonly problems: readonly string[]
  /** Of the configuration: what could not be read, or is no file. */
  readonly leftOut: readonly string[]
}

/** The directory is no backup, or not a whole one; the message says why. */
export class BackupError extends Error {}

/** The oldest first. */
export function generationsIn(dir: string): string[] {
  try {
    return readdirSync(join(dir, 'generations'))
      .filter((name) => GENERATION_NAME.test(name))
      .toSorted()
  } catch {
    return [] // none yet
  }
}

/** Later than all there are, whatever the clock says. @param last of these */
export function generationName(ms: number, last = ''): string {
  const name = new Date(ms).toISOString().replaceAll(/[-:.]/g, '')
  if (name > last) return name
  const [, y, mo, d, h, mi, s, ms3] = /^(....)(..)(..)T(..)(..)(..)(...)Z$/.exec(last) ?? []
  const lastMs = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s), Number(ms3))
  return generationName(lastMs + 1)
}

export function segmentFile(number: number, octets: number, id: string): string {
  return `${String(number).padStart(10, '0')}-${octets}-${id}.log`
}

/** @param wanted its name, or how that begins; undefined: the last one. Throws BackupError. */
export function chooseGeneration(dir: string, wanted: string | undefined): string {
  if (!isBackup(dir)) throw new BackupError(`${dir} is no backup of Postigo`)
  const all = generationsIn(dir)
  const found = wanted === undefined ? all.slice(-1) : all.filter((name) => name.startsWith(wanted))
  const [one, ...more] = found
  if (one === undefined)
    throw new BackupError(wanted === undefined ? 'there is no whole backup in it' : `there is no generation ${wanted}`)
  if (more.length > 0) throw new BackupError(`${wanted} could be ${found.join(' or ')}`)
  return one
}

export function isBackup(dir: string): boolean {
  try {
    return readFileSync(join(dir, MARKER), 'utf8').startsWith(`postigo backup, format ${FORMAT}\n`)
  } catch {
    return false
  }
}

/** Throws BackupError where it is not what was written. Its names lead nowhere else: who restores as root follows them. */
export function readManifest(dir: string, generation: string): Manifest {
  const at = join(dir, 'generations', generation)
  let text: string
  let sum: string
  try {
    text = readFileSync(join(at, 'manifest.json'), 'utf8')
    sum = readFileSync(join(at, 'manifest.sha256'), 'latin1').trim()
  } catch (cause) {
    throw new BackupError(`the manifest of ${generation} cannot be read`, { cause })
  }
  if (hash('sha256', text) !== sum) throw new BackupError(`the manifest of ${generation} is damaged`)
  const manifest = JSON.parse(text) as Manifest // as it was written, by its sum
  if (manifest.format !== FORMAT) throw new BackupError(`${generation} is of another format`)
  for (const { path } of manifest.files)
    if (!FILE_NAME.test(path) || path.split('/').includes('..'))
      throw new BackupError(`${generation} has a file ${path}`)
  for (const { file } of manifest.segments)
    if (!SEGMENT_FILE.test(file)) throw new BackupError(`${generation} has a segment ${file}`)
  return manifest
}
