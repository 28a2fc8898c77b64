/**
 * Rows of `message`, some hundred at a time and only the columns that are wanted. SQLite hands over each column as one value for all
 * rows, which costs a fraction of a buffer a row; a column that nobody said he wants is read, for all of them, when it is looked at.
 */
import type { Reader, SqlValue } from '../../io/db/mod.ts'
import type { Position } from '../../io/blobs/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MessageColumn, StoredMessage } from './contract.ts'

const numbers = (column: string): string => `json_group_array(${column})`
/** Lengths, and all octets in one piece: as text they are neither looked at nor changed. */
const octets = (column: string): string =>
  `json_group_array(length(${column})), CAST(group_concat(CAST(${column} AS TEXT), '') AS BLOB)`

const COLUMNS: Readonly<Record<MessageColumn, string>> = {
  content: `${numbers('segment')}, ${numbers('offset')}, ${numbers('length')}, ${octets('prefix')}`,
  ids: `${octets('record_id')}, ${octets('thread')}`,
  envelope: octets('envelope'),
  bodyStructure: octets('body_structure'),
  listedFields: octets('listed_fields'),
  parts: octets('parts'),
  sentMs: numbers('sent'),
}

export const ALL_COLUMNS = Object.keys(COLUMNS) as readonly MessageColumn[] // its keys are these

/** Messages by row id, in the order asked for; undefined for one that is gone, or another account's. */
export function messageBatch(
  reader: Reader,
  account: AccountId,
  ids: readonly number[],
  columns: readonly MessageColumn[] = ALL_COLUMNS,
): (StoredMessage | undefined)[] {
  const batch = new Batch(reader, account, ids)
  const found = batch.load(columns)
  return ids.map((id, i) => (found === undefined || found.has(id) ? new Row(batch, id, i) : undefined))
}

/** Values of one column, by the place of their row. */
type Numbers = readonly (number | null)[]
interface Octets {
  /** null: NULL. */
  readonly lengths: Numbers
  readonly from: readonly number[]
  readonly all: Buffer
}
interface Columns {
  content: { readonly segment: Numbers; readonly offset: Numbers; readonly length: Numbers; readonly prefix: Octets }
  ids: { readonly record: Octets; readonly thread: Octets }
  envelope: Octets
  bodyStructure: Octets
  listedFields: Octets
  parts: Octets
  sentMs: Numbers
}

class Batch {
  readonly #reader: Reader
  readonly #account: AccountId
  readonly #ids: readonly number[]
  readonly #columns: Partial<Columns> = {}
  /** Where each column has a message that was asked for; undefined: in the same place. */
  readonly #places: Partial<Record<MessageColumn, ReadonlyMap<number, number> | undefined>> = {}

  constructor(reader: Reader, account: AccountId, ids: readonly number[]) {
    this.#reader = reader
    this.#account = account
    this.#ids = ids
  }

  /** Which messages there are; undefined: all of them, in the order asked for. */
  load(wanted: readonly MessageColumn[]): ReadonlyMap<number, number> | undefined {
    // In one order, whatever a client asks for first: statements are kept by their text.
    const columns = ALL_COLUMNS.filter((column) => wanted.includes(column))
    const values = this.#values(['json_group_array(id)', ...columns.map((column) => COLUMNS[column])].join(', '))
    const found = parsed(values.shift())
    const same = found.length === this.#ids.length && found.every((id, i) => id === this.#ids[i])
    const places = same ? undefined : new Map(found.map((id, i) => [Number(id), i]))
    for (const column of columns) {
      this.#places[column] = places
      Object.assign(this.#columns, { [column]: taken(column, values) })
    }
    return places
  }

  #values(chosen: string): SqlValue[] {
    const ids = this.#ids
    const first = ids[0] ?? 0
    // Neighbours, the usual case, are one range of the table.
    const row = areNeighbours(ids)
      ? this.#reader
          .sql(`SELECT ${chosen} FROM message WHERE account = ? AND id BETWEEN ? AND ?`)
          .get(this.#account, first, first + ids.length - 1)
      : this.#reader
          .sql(`SELECT ${chosen} FROM message WHERE account = ? AND id IN (SELECT value FROM json_each(?))`)
          .get(this.#account, JSON.stringify(ids))
    return row ?? []
  }

  /** A column and the place in it. @throws where the message went away since the others were read */
  at<C extends MessageColumn>(column: C, id: number, i: number): readonly [Columns[C], number] {
    if (this.#columns[column] === undefined) this.load([column])
    const places = this.#places[column]
    const place = places === undefined ? i : places.get(id)
    const values: Columns[C] | undefined = this.#columns[column]
    if (place === undefined || values === undefined) throw new Error(`Message ${id} is gone`)
    return [values, place]
  }
}

class Row implements StoredMessage {
  readonly id: number
  readonly #batch: Batch
  readonly #i: number

  constructor(batch: Batch, id: number, i: number) {
    this.id = id
    this.#batch = batch
    this.#i = i
  }

  get at(): Position {
    const [{ segment, offset, length }, place] = this.#batch.at('content', this.id, this.#i)
    return { segment: segment[place] ?? 0, offset: offset[place] ?? 0, length: length[place] ?? 0 }
  }
  get prefix(): Buffer {
    const [{ prefix }, place] = this.#batch.at('content', this.id, this.#i)
    return slice(prefix, place)
  }
  get sizeOctets(): number {
    const [{ prefix, length }, place] = this.#batch.at('content', this.id, this.#i)
    return (prefix.lengths[place] ?? 0) + (length[place] ?? 0)
  }
  get recordId(): Buffer {
    const [{ record }, place] = this.#batch.at('ids', this.id, this.#i)
    return slice(record, place)
  }
  get threadRecordId(): Buffer {
    const [{ record, thread }, place] = this.#batch.at('ids', this.id, this.#i)
    return slice(thread.lengths[place] === null ? record : thread, place)
  }
  get envelope(): Buffer {
    return slice(...this.#batch.at('envelope', this.id, this.#i))
  }
  get bodyStructure(): Buffer {
    return slice(...this.#batch.at('bodyStructure', this.id, this.#i))
  }
  get listedFields(): Buffer {
    return slice(...this.#batch.at('listedFields', this.id, this.#i))
  }
  get parts(): Buffer {
    return slice(...this.#batch.at('parts', this.id, this.#i))
  }
  get sentMs(): number {
    const [sent, place] = this.#batch.at('sentMs', this.id, this.#i)
    return sent[place] ?? Number.NaN
  }
}

function areNeighbours(ids: readonly number[]): boolean {
  const first = ids[0] ?? 0
  for (let i = 1; i < ids.length; i++) if (ids[i] !== first + i) return false
  return true
}

function slice({ lengths, from, all }: Octets, place: number): Buffer {
  const start = from[place] ?? 0
  return all.subarray(start, start + (lengths[place] ?? 0))
}

/** The values of one column, off the front of a row. */
function taken(column: MessageColumn, values: SqlValue[]): Columns[MessageColumn] {
  switch (column) {
    case 'content': {
      const [segment, offset, length] = [parsed(values.shift()), parsed(values.shift()), parsed(values.shift())]
      return { segment, offset, length, prefix: takenOctets(values) }
    }
    case 'ids': {
      const record = takenOctets(values)
      return { record, thread: takenOctets(values) }
    }
    case 'sentMs':
      return parsed(values.shift())
    case 'envelope':
    case 'bodyStructure':
    case 'listedFields':
    case 'parts':
      return takenOctets(values)
    default:
      return column satisfies never
  }
}

function takenOctets(values: SqlValue[]): Octets {
  const lengths = parsed(values.shift())
  const octetsOfAll = values.shift()
  const from: number[] = []
  let at = 0
  for (const length of lengths) {
    from.push(at)
    at += length ?? 0
  }
  // NULL where no row has any.
  const all = octetsOfAll instanceof Uint8Array ? Buffer.from(octetsOfAll.buffer) : Buffer.alloc(0)
  return { lengths, from, all }
}

function parsed(array: SqlValue | undefined): (number | null)[] {
  return JSON.parse(String(array)) as (number | null)[] // json_group_array of an INTEGER or REAL column
}
