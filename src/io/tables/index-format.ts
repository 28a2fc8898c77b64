/**
 * Postigo's index of a table, one file beside the text: `access` → `access.postigo`. Little endian:
 *
 *     0   16  "postigo-table-1\n"
 *     16  4   CRC-32 of everything behind the header
 *     20  4   number of entries
 *     24  4   number of slots, a power of two
 *     28  4   longest key in octets
 *     32  4   CRC-32 of the text it was made from
 *     36  8   octets of that text (double)
 *     44  8   that text's modification time in ms (double)
 *     52  4   1: keys are folded
 *     56  8   unused
 *     64      slots: hash (4), where the entry stands (4; 0 is empty)
 *             entries in the order of the text: length of key (4), of value (4), key, value; UTF-8
 *
 * Readers hold the file as one buffer: loading is reading, nothing is parsed.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'

const MAGIC = Buffer.from('postigo-table-1\n', 'latin1')
const HEADER = 64
const SLOT = 8
const ENTRY_HEAD = 8
/** An index ends where its 32-bit positions do. */
const MAX_INDEX_OCTETS = 0x7fff_ffff
/** Longer keys are never stored and never found. */
const MAX_KEY_OCTETS = 65_536

/** What an index knows of the text it was made from. */
export interface SourceStamp {
  readonly crc: number
  readonly sizeOctets: number
  readonly mtimeMs: number
}

/** FNV-1a over a key's octets. */
function hashOf(octets: Uint8Array, from: number, to: number): number {
  let h = 0x811c9dc5
  for (let i = from; i < to; i++) h = Math.imul(h ^ (octets[i] ?? 0), 0x01000193)
  return h >>> 0
}

/** Makes the octets of an index. Throws RangeError for what does not fit. */
export function buildIndex(
  entries: Iterable<readonly [string, string]>,
  source: SourceStamp,
  options: { readonly folded: boolean },
): Buffer {
  const items = [...entries].map(([k, v]) => [Buffer.from(k, 'utf8'), Buffer.from(v, 'utf8')] as const)
  let slots = 4
  while (slots < items.length * 2) slots *= 2
  const size = items.reduce((n, [k, v]) => n + ENTRY_HEAD + k.length + v.length, HEADER + slots * SLOT)
  if (size > MAX_INDEX_OCTETS) throw new RangeError('too many entries for one index')
  const buf = Buffer.alloc(size)
  let at = HEADER + slots * SLOT
  let longest = 0
  for (const [key, value] of items) {
    if (key.length > MAX_KEY_OCTETS) throw new RangeError(`a key of ${key.length} octets`)
    longest = Math.max(longest, key.length)
    buf.writeUInt32LE(key.length, at)
    buf.writeUInt32LE(value.length, at + 4)
    key.copy(buf, at + ENTRY_HEAD)
    value.copy(buf, at + ENTRY_HEAD + key.length)
    const hash = hashOf(key, 0, key.length)
    let slot = hash & (slots - 1)
    while (buf.readUInt32LE(HEADER + slot * SLOT + 4) !== 0) slot = (slot + 1) & (slots - 1)
    buf.writeUInt32LE(hash, HEADER + slot * SLOT)
    buf.writeUInt32LE(at, HEADER + slot * SLOT + 4)
    at += ENTRY_HEAD + key.length + value.length
  }
  MAGIC.copy(buf)
  buf.writeUInt32LE(items.length, 20)
  buf.writeUInt32LE(slots, 24)
  buf.writeUInt32LE(longest, 28)
  buf.writeUInt32LE(source.crc, 32)
  buf.writeDoubleLE(source.sizeOctets, 36)
  buf.writeDoubleLE(source.mtimeMs, 44)
  buf.writeUInt32LE(options.folded ? 1 : 0, 52)
  buf.writeUInt32LE(crc32(buf.subarray(HEADER)), 16)
  return buf
}

/** An index in memory. */
export class Index {
  readonly #buf: Buffer
  readonly #mask: number
  readonly #longest: number
  /** The key asked for, as octets; kept so that a lookup allocates nothing but its result. */
  readonly #scratch: Buffer
  readonly size: number
  readonly source: SourceStamp

  /** Throws Error when the octets are no whole index. */
  constructor(buf: Buffer) {
    if (buf.length < HEADER || !buf.subarray(0, MAGIC.length).equals(MAGIC)) throw new Error('not an index of postmap')
    const slots = buf.readUInt32LE(24)
    if (slots === 0 || (slots & (slots - 1)) !== 0 || HEADER + slots * SLOT > buf.length)
      throw new Error('the index is cut short')
    if (crc32(buf.subarray(HEADER)) !== buf.readUInt32LE(16)) throw new Error('the index is damaged')
    this.#buf = buf
    this.#mask = slots - 1
    this.size = buf.readUInt32LE(20)
    this.#longest = buf.readUInt32LE(28)
    // A UTF-16 unit is at most three octets: what is written never runs over.
    this.#scratch = Buffer.allocUnsafe(3 * this.#longest + 3)
    this.source = stampIn(buf)
  }

  /** The value of a key, exactly as stored. */
  get(key: string): string | undefined {
    if (key.length > this.#longest) return undefined
    const length = this.#scratch.write(key, 0)
    const hash = hashOf(this.#scratch, 0, length)
    const buf = this.#buf
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const at = buf.readUInt32LE(HEADER + slot * SLOT + 4)
      if (at === 0) return undefined
      if (buf.readUInt32LE(HEADER + slot * SLOT) !== hash) continue
      if (buf.readUInt32LE(at) !== length || !this.#isKeyAt(at + ENTRY_HEAD, length)) continue
      const from = at + ENTRY_HEAD + length
      return buf.toString('utf8', from, from + buf.readUInt32LE(at + 4))
    }
  }

  #isKeyAt(at: number, length: number): boolean {
    const buf = this.#buf
    const scratch = this.#scratch
    for (let i = 0; i < length; i++) if (buf[at + i] !== scratch[i]) return false
    return true
  }

  /** All entries in the order of the text. */
  *entries(): Generator<readonly [string, string]> {
    const buf = this.#buf
    for (let at = HEADER + (this.#mask + 1) * SLOT; at < buf.length;) {
      const key = at + ENTRY_HEAD
      const value = key + buf.readUInt32LE(at)
      at = value + buf.readUInt32LE(at + 4)
      yield [buf.toString('utf8', key, value), buf.toString('utf8', value, at)]
    }
  }
}

/** What an index file says of its text, from its header alone. */
export function readStamp(file: string): SourceStamp {
  const head = Buffer.alloc(HEADER)
  const fd = openSync(file, 'r')
  try {
    readSync(fd, head, 0, HEADER, 0)
  } finally {
    closeSync(fd)
  }
  return stampIn(head)
}

function stampIn(head: Buffer): SourceStamp {
  return { crc: head.readUInt32LE(32), sizeOctets: head.readDoubleLE(36), mtimeMs: head.readDoubleLE(44) }
}

/** What is remembered of a text when its index is made. */
export function stampOf(text: Buffer, mtimeMs: number): SourceStamp {
  return { crc: crc32(text), sizeOctets: text.length, mtimeMs }
}
