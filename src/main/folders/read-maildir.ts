/** A Maildir folder: files of cur and new, with Dovecot's or Courier's UIDs where they kept some. */
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'
import { basename, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import {
  keptFlags,
  maildirFlags,
  parseCourierUids,
  parseDovecotKeywords,
  parseDovecotUids,
  parseMaildirName,
  toCrlf,
  type UidList,
} from '../../formats/folders/mod.ts'
import { type FolderMessage, inBatches, MESSAGE_LIMIT, type OpenFolder, type ReadOptions } from './contract.ts'

interface File {
  readonly name: string
  readonly unique: string
  readonly letters: string
  readonly path: string
  readonly uid: number | undefined
  readonly uidl: string | undefined
}

/** @param root of the Maildir: older Dovecots keep keywords there for all folders */
export function openMaildir(path: string, options: ReadOptions): OpenFolder {
  const uids = uidsOf(path, options)
  const keywords = parseDovecotKeywords(textOf(join(path, 'dovecot-keywords')) ?? '')
  const files = filesOf(path, uids, options)
  const wanted = { path, uids, keywords }
  return {
    uidValidity: uids?.uidValidity,
    uidNext: uids === undefined ? undefined : uids.uidNext + files.filter(({ uid }) => uid === undefined).length,
    expected: files.length,
    batches: () => inBatches(read(files, wanted, options)),
    close: () => Promise.resolve(),
  }
}

interface Wanted {
  readonly path: string
  readonly uids: UidList | undefined
  readonly keywords: readonly (string | undefined)[]
}

function* read(
  files: readonly File[],
  { path, uids, keywords }: Wanted,
  options: ReadOptions,
): Generator<FolderMessage> {
  let next = uids?.uidNext
  for (const file of files) {
    // The other server would give the next ones to what it has not seen yet.
    const uid = file.uid ?? (next === undefined ? undefined : next++)
    const found = contentOf(file, path, options)
    if (found === undefined) continue
    const uidl =
      file.uidl ??
      (uid === undefined || uids === undefined
        ? undefined
        : options.uidl({ uid, uidValidity: uids.uidValidity, file: file.unique }))
    yield {
      known: file.unique,
      content: toCrlf(found.octets),
      flags: keptFlags(maildirFlags(found.letters, keywords)),
      internalDateMs: found.mtimeMs,
      uid,
      uidl,
    }
  }
}

/** In the order of UIDs; those without one behind, as they came. */
function filesOf(path: string, uids: UidList | undefined, { problem }: ReadOptions): File[] {
  const files = ['cur', 'new'].flatMap((sub) =>
    readdirSync(join(path, sub))
      .filter((name) => !name.startsWith('.'))
      .map((name): File => {
        const { unique, letters } = parseMaildirName(name)
        const entry = uids?.entries.get(unique)
        return { name, unique, letters, path: join(path, sub, name), uid: entry?.uid, uidl: entry?.uidl }
      }),
  )
  const first = new Map(files.map((file) => [file.unique, file]))
  for (const file of files)
    if (first.get(file.unique) !== file) problem(`${file.path}: another file has its name; left`)
  const seconds = ({ unique }: File): number => Number(/^[0-9]+/.exec(unique)?.[0] ?? 0)
  return [...first.values()].toSorted((a, b) => {
    if (a.uid !== undefined || b.uid !== undefined) return (a.uid ?? Infinity) - (b.uid ?? Infinity)
    return seconds(a) - seconds(b) || (a.unique < b.unique ? -1 : 1)
  })
}

/** Its flags may have changed since the directory was read, which renames it. undefined: told, or gone. */
function contentOf(
  file: File,
  folder: string,
  { problem }: ReadOptions,
): { octets: Buffer; mtimeMs: number; letters: string } | undefined {
  try {
    return { ...readWhole(file.path), letters: file.letters }
  } catch (error) {
    const now = isGone(error) ? renamed(file, folder) : undefined
    try {
      if (now !== undefined) return { ...readWhole(now.path), letters: now.letters }
      problem(`${file.path}: ${isGone(error) ? 'it went away meanwhile' : said(error)}`)
    } catch (again) {
      problem(`${file.path}: ${said(again)}`)
    }
    return undefined
  }
}

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const isGone = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ENOENT'

function renamed({ unique }: File, folder: string): { path: string; letters: string } | undefined {
  for (const sub of ['cur', 'new'])
    for (const name of readdirSync(join(folder, sub)))
      if (parseMaildirName(name).unique === unique)
        return { path: join(folder, sub, name), letters: parseMaildirName(name).letters }
  return undefined
}

const GZIP = Buffer.from([0x1f, 0x8b])
/** bzip2, xz, zstd, lz4. */
const OTHERS = ['BZh', '\u00fd7zXZ', '(\u00b5/\u00fd', '\u0004"M\u0018']

function readWhole(path: string): { octets: Buffer; mtimeMs: number } {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Error('it is no file')
    if (stat.size > MESSAGE_LIMIT) throw new Error(`it has ${stat.size} octets`)
    const octets = Buffer.allocUnsafe(stat.size)
    let size = 0
    for (let n; size < octets.length && (n = readSync(fd, octets, size, octets.length - size, size)) > 0; size += n);
    return { octets: plain(octets.subarray(0, size), path), mtimeMs: Math.floor(stat.mtimeMs) }
  } finally {
    closeSync(fd)
  }
}

/** Dovecot's zlib plugin leaves compressed files. */
function plain(octets: Buffer, path: string): Buffer {
  if (octets.subarray(0, 2).equals(GZIP)) return gunzipSync(octets, { maxOutputLength: MESSAGE_LIMIT })
  if (OTHERS.some((magic) => octets.toString('latin1', 0, magic.length) === magic))
    throw new Error(`${basename(path)} is compressed; uncompress it first (doveadm import does)`)
  return octets
}

function uidsOf(path: string, { problem }: ReadOptions): UidList | undefined {
  for (const [name, parse] of [
    ['dovecot-uidlist', parseDovecotUids],
    ['courierimapuiddb', parseCourierUids],
  ] as const) {
    const file = join(path, name)
    const text = textOf(file)
    if (text === undefined) continue
    const list = parse(text)
    if (list === undefined) problem(`${file}, line 1: it is no list of UIDs; new ones are given`)
    for (const line of list?.badLines ?? []) problem(`${file}, line ${line}: not "UID NAME"; it is passed over`)
    const more = (list?.bad ?? 0) - (list?.badLines.length ?? 0)
    if (more > 0) problem(`${file}: ${more} more lines are passed over`)
    if (list !== undefined) return list
  }
  return undefined
}

/** UIDs of a million messages are less. */
const LIST_LIMIT = 256 * 1024 * 1024

export function textOf(path: string): string | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const stat = fstatSync(fd)
      return stat.isFile() && stat.size <= LIST_LIMIT ? readFileSync(fd, 'utf8') : undefined
    } finally {
      closeSync(fd)
    }
  } catch {
    return undefined
  }
}
