/**
 * What a moved record's content was before: the facts of the record that it came with stay beside it, so that the log alone can tell
 * whose mail it is, however often it moved.
 */
import type { Position, RecordKind } from './contract.ts'
import { type FileSystem, realFileSystem } from './file-system.ts'
import { RECORD_HEADER, SEGMENT_HEADER } from './format.ts'
import { type FoundRecord, Records } from './records.ts'
import type { ScannedRecord } from './scan.ts'
import { segmentPath } from './segments.ts'

export interface Origin {
  readonly kind: Exclude<RecordKind, 'moved'>
  /** Of the record that brought the content. */
  readonly id: Buffer
  /** Where in that record's content this begins. */
  readonly from: number
  readonly facts: Buffer
}

interface Written {
  readonly kind: Exclude<RecordKind, 'moved'>
  readonly id: string
  readonly from: number
  readonly facts: string
}

/** undefined: a record that was moved before this was written down, or is damaged. */
export function originOf({ kind, id, facts }: Pick<ScannedRecord, 'kind' | 'id' | 'facts'>): Origin | undefined {
  if (kind !== 'moved') return { kind, id, from: 0, facts: facts() }
  try {
    const written = JSON.parse(facts().toString('utf8')) as Written // the record's sum was right; only we write it
    return { ...written, id: Buffer.from(written.id, 'hex'), facts: Buffer.from(written.facts) }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined // empty, in those of before
    throw error
  }
}

/** Facts for what is moved out of one segment; asked for by rising offsets. */
export class Origins {
  readonly #records: Records
  #at: FoundRecord | undefined

  constructor(dir: string, segment: number, fs: FileSystem = realFileSystem) {
    this.#records = new Records(fs, segmentPath(dir, segment), true)
    this.#at = this.#records.header(SEGMENT_HEADER)
  }

  /** Empty where the record cannot be found: its content moves all the same. */
  of({ offset }: Position): Buffer {
    while (this.#at !== undefined && this.#at.end <= offset) this.#at = this.#records.header(this.#at.end)
    const found = this.#at
    if (found === undefined || offset < found.at + RECORD_HEADER) return Buffer.alloc(0)
    const { kind, id } = found.header
    const origin = originOf({ kind, id, facts: () => this.#records.facts(found) })
    if (origin === undefined) return Buffer.alloc(0)
    const written: Written = {
      kind: origin.kind,
      id: origin.id.toString('hex'),
      from: origin.from + offset - found.at - RECORD_HEADER,
      facts: origin.facts.toString('utf8'),
    }
    return Buffer.from(JSON.stringify(written))
  }

  close(): void {
    this.#records.close()
  }
}
