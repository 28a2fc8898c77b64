/** Whose rights an alias or a list has, and what may be read of it (local(8), DELIVERY RIGHTS). */
import { readFileSync, statSync } from 'node:fs'

/** Octets of an :include: file. */
const MAX_INCLUDE = 16 * 1024 * 1024

/** Names that the file behind a table may have: its index of ours or of Postfix's, or the text itself. */
const INDEX_SUFFIXES = ['.postigo', '.cdb', '.lmdb', '']

/** The owner of a table's file as a numeric user id; 0 for root, and for tables that are no file. */
export function tableOwner(table: string): number {
  const [, path = ''] = /^(?:proxy:)?[a-z]+:(\/.*)$/s.exec(table) ?? []
  if (path === '') return 0
  for (const suffix of INDEX_SUFFIXES) {
    const owner = statSync(path + suffix, { throwIfNoEntry: false })?.uid
    if (owner !== undefined) return owner
  }
  return 0
}

export type ListFile =
  | { readonly status: 'read'; readonly text: string; readonly owner: number }
  /** Only its owner may look: the local agent asks with those rights. */
  | { readonly status: 'private' }
  /** For the log; the sender hears of a configuration error. */
  | { readonly status: 'bad'; readonly warning: string }

/** A list as Postfix insists on it: a regular file by an absolute name that not everybody can write. */
export function readList(path: string): ListFile {
  if (!path.startsWith('/')) return { status: 'bad', warning: `:include:${path} uses a relative path` }
  try {
    const { uid, mode, size } = statSync(path)
    const bad = listProblem(path, mode, size)
    if (bad !== undefined) return { status: 'bad', warning: bad }
    return { status: 'read', text: withoutComments(readFileSync(path, 'utf8')), owner: uid }
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'EACCES' || error.code === 'EPERM'))
      return { status: 'private' }
    const reason = error instanceof Error ? error.message : String(error)
    return { status: 'bad', warning: `unable to lookup :include: file ${path}: ${reason}` }
  }
}

function listProblem(path: string, mode: number, size: number): string | undefined {
  if ((mode & 0o170000) !== 0o100000) return `:include: file ${path} is not a regular file`
  if ((mode & 0o002) !== 0) return `:include: file ${path} is world writable`
  return size > MAX_INCLUDE ? `:include: file ${path} is larger than ${MAX_INCLUDE} octets` : undefined
}

/** Lines whose first character is `#` say nothing. */
export function withoutComments(text: string): string {
  return text.replace(/^#.*$/gm, '')
}
