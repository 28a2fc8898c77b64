/** Files of a directory, its own directories included, copied as they are. Links, devices and what may not be read are left out and named. */
import { closeSync, fstatSync, mkdirSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { copyFrom, NoFileError, openFile, type Tick } from './copy.ts'
import type { BackedFile } from './manifest.ts'

/** Of a configuration: files, octets of one, levels of directories. */
const FILE_LIMIT = 5000
const OCTETS_LIMIT = 256 * 1024 * 1024
const DEPTH_LIMIT = 8

export interface CopiedTree {
  readonly files: BackedFile[]
  readonly leftOut: string[]
}

export interface CopyTreeOptions {
  /** Opens a file with the rights of whoever it belongs to. */
  readonly open?: (path: string) => number
  /** Directories that are none of it. */
  readonly but?: readonly string[]
}

/**
 * @param to the generation's directory @param under a directory of it that the files go to
 */
export function copyTree(
  from: string,
  to: string,
  under: string,
  tick: Tick,
  { open = openFile, but = [] }: CopyTreeOptions = {},
): CopiedTree {
  const copied: CopiedTree = { files: [], leftOut: [] }
  for (const path of filesBelow(from, copied.leftOut, but)) {
    const name = join(under, relative(from, path))
    try {
      copied.files.push(copyOne(path, join(to, name), name, tick, open))
    } catch (error) {
      copied.leftOut.push(error instanceof NoFileError ? error.message : `${path}: ${codeOf(error)}`)
    }
  }
  return copied
}

function* filesBelow(dir: string, leftOut: string[], but: readonly string[], depth = 0): Generator<string> {
  if (but.includes(dir)) return
  if (depth > DEPTH_LIMIT) {
    leftOut.push(`${dir}: too deep`)
    return
  }
  let entries
  try {
    entries = readdirSync(dir, { withFileTypes: true })
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') leftOut.push(`${dir}: ${codeOf(error)}`)
    return
  }
  if (entries.length > FILE_LIMIT) leftOut.push(`${dir}: only ${FILE_LIMIT} of its ${entries.length} files`)
  for (const entry of entries.slice(0, FILE_LIMIT)) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* filesBelow(path, leftOut, but, depth + 1)
    else yield path
  }
}

export function copyOne(
  path: string,
  to: string,
  name: string,
  tick: Tick,
  open: (path: string) => number,
): BackedFile {
  const fd = open(path)
  try {
    const { size, mode } = fstatSync(fd)
    if (size > OCTETS_LIMIT) throw new NoFileError(`${path} is larger than ${OCTETS_LIMIT} octets`)
    mkdirSync(dirname(to), { recursive: true, mode: 0o700 })
    const sha256 = copyFrom(fd, to, size, 0o600, tick)
    if (sha256 === undefined) throw new NoFileError(`${path} became shorter while it was read`)
    return { path: name, octets: size, sha256, mode: mode & 0o777 }
  } finally {
    closeSync(fd)
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
