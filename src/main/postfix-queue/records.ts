/** The records of Postfix's queue files: a letter, the length in groups of seven bits, the data. Postfix: record.c, rec_type.h. */

export interface QueueRecord {
  readonly type: string
  readonly data: Buffer
  /** Where it begins in the file. */
  readonly offset: number
}

/** The file is not what it should be; `offset` says where. */
export class QueueFileError extends Error {
  readonly offset: number
  constructor(text: string, offset: number) {
    super(text)
    this.offset = offset
  }
}

/** In the order in which they count: pointers are followed, what was deleted is left out, `E` is the last. */
export function* recordsOf(file: Buffer): Generator<QueueRecord> {
  let at = 0
  let left = file.length
  for (;;) {
    const record = takeRecord(file, at)
    const { type, data } = record
    at = record.end
    // No record counts twice: what is longer than the file goes round in it.
    left -= record.end - record.offset
    if (left < 0) throw new QueueFileError('its pointers lead in a circle', record.offset)
    if (type === 'p') {
      const to = Number(data.toString('latin1'))
      if (!Number.isSafeInteger(to) || to < 0 || to > file.length)
        throw new QueueFileError('a pointer leads nowhere', record.offset)
      if (to > 0) at = to
      continue
    }
    if (type !== 'w' && type !== '/') yield record
    if (type === 'E') return
  }
}

function takeRecord(file: Buffer, offset: number): QueueRecord & { readonly end: number } {
  const letter = file[offset]
  if (letter === undefined) throw new QueueFileError('the file is cut short', offset)
  let length = 0
  let at = offset + 1
  for (let shift = 0; ; shift += 7) {
    const octet = file[at++]
    if (octet === undefined) throw new QueueFileError('the file is cut short', offset)
    if (shift > 28) throw new QueueFileError('a record has no length', offset)
    length |= (octet & 0x7f) << shift
    if ((octet & 0x80) === 0) break
  }
  const end = at + length
  if (length < 0 || end > file.length) throw new QueueFileError('the file is cut short', offset)
  return { type: String.fromCharCode(letter), data: file.subarray(at, end), offset, end }
}

export function writeRecord(type: string, data: string | Buffer): Buffer {
  const octets = typeof data === 'string' ? Buffer.from(data) : data
  const head = [type.charCodeAt(0)]
  let rest = octets.length
  do {
    head.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest)
    rest >>>= 7
  } while (rest > 0)
  return Buffer.concat([Buffer.from(head), octets])
}
