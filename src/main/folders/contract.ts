/** A folder of elsewhere as the import sees it. */
export interface FolderMessage {
  /** Tells it from the others of the folder, the same whenever it is read. */
  readonly known: string
  /** In wire form. */
  readonly content: Buffer
  readonly flags: readonly string[]
  readonly internalDateMs: number
  readonly uid?: number | undefined
  readonly uidl?: string | undefined
}

export interface OpenFolder {
  readonly uidValidity: number | undefined
  readonly uidNext: number | undefined
  /** How many messages it seems to have. */
  readonly expected: number
  /** In the order of their UIDs, so many at a time as are held in memory together. */
  batches(): Generator<readonly FolderMessage[]>
  close(): Promise<void>
}

export interface ReadOptions {
  /** A message or a file that cannot be read; the rest goes on. */
  readonly problem: (text: string) => void
  /** How POP3 called messages: uidl.ts. */
  readonly uidl: UidlFormat
}

export type UidlFormat = (names: {
  readonly uid: number
  readonly uidValidity: number
  readonly file: string
}) => string | undefined

/** Messages and octets held together. */
export const BATCH_MESSAGES = 200
export const BATCH_OCTETS = 8 * 1024 * 1024
/** A message that is larger is not taken in. */
export const MESSAGE_LIMIT = 512 * 1024 * 1024

/** Gathers messages into batches. */
export function* inBatches(messages: Iterable<FolderMessage>): Generator<readonly FolderMessage[]> {
  let batch: FolderMessage[] = []
  let octets = 0
  for (const message of messages) {
    batch.push(message)
    octets += message.content.length
    if (batch.length < BATCH_MESSAGES && octets < BATCH_OCTETS) continue
    yield batch
    batch = []
    octets = 0
  }
  if (batch.length > 0) yield batch
}
