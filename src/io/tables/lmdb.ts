/** LMDB files as Postfix's postmap writes them (one unnamed database, little endian, 64 bit). Layout: lmdb's mdb.c. */

const MAGIC = 0xbeefc0de
const PAGE_HEAD = 16
const P_BRANCH = 0x01
const P_LEAF = 0x02
const P_OVERFLOW = 0x04
/** A node whose data is on pages of its own. */
const F_BIGDATA = 0x01
const NO_PAGE = 0xffff_ffff_ffff_ffffn
/** Deeper than any tree that fits a file. */
const MAX_DEPTH = 32

interface Meta {
  readonly transaction: bigint
  readonly pageSize: number
  readonly root: bigint
}

/** Reads all pairs of a `.lmdb` file. Throws Error where it is not one. */
export function readLmdb(db: Buffer): Map<string, string> {
  const first = readMeta(db, 0)
  if (first === undefined) throw new Error('not an LMDB file of this byte order')
  const second = readMeta(db, first.pageSize)
  const meta = second !== undefined && second.transaction > first.transaction ? second : first
  const entries = new Map<string, string>()
  if (meta.root !== NO_PAGE) walk(db, meta.pageSize, Number(meta.root), 0, entries)
  return entries
}

/** One of the two meta pages; the one with the newer transaction counts. */
function readMeta(db: Buffer, at: number): Meta | undefined {
  const base = at + PAGE_HEAD
  if (base + 136 > db.length || db.readUInt32LE(base) !== MAGIC) return undefined
  const pageSize = db.readUInt32LE(base + 24)
  if (pageSize < 512 || pageSize > 65_536) return undefined
  return { pageSize, root: db.readBigUInt64LE(base + 24 + 48 + 40), transaction: db.readBigUInt64LE(base + 128) }
}

function pageAt(db: Buffer, pageSize: number, n: number): Buffer {
  if ((n + 1) * pageSize > db.length) throw new Error(`page ${n} is behind the end`)
  return db.subarray(n * pageSize, (n + 1) * pageSize)
}

function walk(db: Buffer, pageSize: number, n: number, depth: number, entries: Map<string, string>): void {
  if (depth > MAX_DEPTH) throw new Error('the tree has a loop')
  const page = pageAt(db, pageSize, n)
  const flags = page.readUInt16LE(10)
  const lower = page.readUInt16LE(12)
  for (let at = PAGE_HEAD; at < lower; at += 2) {
    const node = page.readUInt16LE(at)
    const [low, high, nodeFlags, keySize] = [0, 2, 4, 6].map((i) => page.readUInt16LE(node + i)) as [
      number,
      number,
      number,
      number,
    ] // four offsets, four numbers
    if ((flags & P_BRANCH) !== 0) walk(db, pageSize, low + high * 65_536 + nodeFlags * 2 ** 32, depth + 1, entries)
    else if ((flags & P_LEAF) !== 0) {
      const key = page.subarray(node + 8, node + 8 + keySize)
      const size = low + high * 65_536
      const from = node + 8 + keySize
      const isBig = (nodeFlags & F_BIGDATA) !== 0
      const value = isBig
        ? overflow(db, pageSize, Number(page.readBigUInt64LE(from)), size)
        : page.subarray(from, from + size)
      entries.set(withoutNul(key), withoutNul(value))
    } else throw new Error('a page of unknown kind')
  }
}

function overflow(db: Buffer, pageSize: number, n: number, size: number): Buffer {
  const page = pageAt(db, pageSize, n)
  const from = n * pageSize + PAGE_HEAD
  if ((page.readUInt16LE(10) & P_OVERFLOW) === 0 || from + size > db.length)
    throw new Error('an overflow page is broken')
  return db.subarray(from, from + size)
}

/** Postfix's lmdb: tables end keys and values with a NUL where its hash: tables do. */
function withoutNul(octets: Buffer): string {
  return octets.toString('utf8', 0, octets.at(-1) === 0 ? octets.length - 1 : octets.length)
}
