/** GETMETADATA's and SETMETADATA's arguments. RFC 5464 §5. */
import type { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { printString } from './strings.ts'

/** Entries of one command at the most. */
export const ENTRIES_LIMIT = 200
/** Octets of an entry's name at the most. */
export const ENTRY_NAME_LIMIT = 1000

export interface MetadataOptions {
  /** Larger values are not answered. */
  readonly maxSize: number | undefined
  readonly depth: '0' | '1' | 'infinity'
}

const NO_OPTIONS: MetadataOptions = { maxSize: undefined, depth: '0' }

export interface MetadataQuery extends MetadataOptions {
  /** As the client wrote it; `''` is the server. */
  readonly mailbox: string
  readonly entries: readonly string[]
}

/** `[options SP] mailbox SP entries`; the examples of the RFC have the options behind the mailbox. */
export function takeMetadataQuery(cursor: Cursor): MetadataQuery {
  let options = takeOptions(cursor)
  if (options !== undefined) cursor.takeSpace()
  const mailbox = cursor.takeAString()
  cursor.takeSpace()
  if (options === undefined && hasOptions(cursor)) {
    options = takeOptions(cursor)
    cursor.takeSpace()
  }
  return { ...(options ?? NO_OPTIONS), mailbox, entries: takeEntries(cursor) }
}

/** An entry begins with `/`, an option with a letter. */
const hasOptions = (cursor: Cursor): boolean => /^\([a-z]/i.test(cursor.rest.toString('latin1', 0, 2))

function takeOptions(cursor: Cursor): MetadataOptions | undefined {
  if (cursor.peek() !== '(') return undefined
  let { maxSize, depth } = NO_OPTIONS
  cursor.takeList(() => {
    const word = cursor.takeAtom().toUpperCase()
    cursor.takeSpace()
    if (word === 'MAXSIZE') maxSize = cursor.takeNumber()
    else if (word === 'DEPTH') depth = takeDepth(cursor)
    else throw cursor.bad(`Unknown option ${word}`)
  })
  return { maxSize, depth }
}

function takeDepth(cursor: Cursor): MetadataOptions['depth'] {
  const word = cursor.takeAtom().toLowerCase()
  if (word !== '0' && word !== '1' && word !== 'infinity') throw cursor.bad('Expected a depth')
  return word
}

/** One entry, or several in parentheses. */
export function takeEntries(cursor: Cursor): string[] {
  if (cursor.peek() !== '(') return [takeEntry(cursor)]
  const entries = cursor.takeList(() => takeEntry(cursor))
  if (entries.length === 0) throw cursor.bad('Expected an entry')
  return limited(entries)
}

/** `(entry value …)`. */
export function takeEntryValues(cursor: Cursor): { entry: string; value: Buffer | undefined }[] {
  const values = cursor.takeList(() => {
    const entry = takeEntry(cursor)
    cursor.takeSpace()
    return { entry, value: cursor.takeNString() }
  })
  if (values.length === 0) throw cursor.bad('Expected an entry')
  return limited(values)
}

function limited<T>(all: T[]): T[] {
  if (all.length > ENTRIES_LIMIT) throw new ImapError('NO', 'Too many entries in one command', { code: 'LIMIT' })
  return all
}

/** RFC 5464 §3: levels of visible ASCII and blanks, `/` before each, without `*` and `%`. */
const ENTRY = /^(?:\/[ -$&-)+-.0-~]+)+$/

function takeEntry(cursor: Cursor): string {
  const entry = cursor.takeAString()
  if (entry.length > ENTRY_NAME_LIMIT) throw cursor.bad('The name of the entry is too long')
  if (!ENTRY.test(entry) || !/^\/(?:private|shared)(?:\/|$)/i.test(entry)) throw cursor.bad('Not the name of an entry')
  return entry
}

/** `value`: a string, or a literal8 where it has NUL. */
export function printMetadataValue(value: Buffer | undefined): Buffer {
  if (value === undefined) return Buffer.from('NIL')
  return value.includes(0) ? Buffer.concat([Buffer.from(`~{${value.length}}\r\n`), value]) : printString(value)
}
