/** LMDB files as Postfix's postmap writes them (one unnamed database, little endian, 64 bit). Layout: lmdb's mdb.c. */

const MAGIC = 0xbeefc0de
const PAGE_HEAD = 16
const P_BRANCH = 0x01
const P_LEAF = 0x02
const P_OVERFLOW = 0x04
/** A node whose data is on pages of its own. */
const F_BIGDATA = 0x01
const NO_PAGE = 0xffff_ffff_ffff_ffffn

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
  const tree = new Tree(db, meta.pageSize)
  if (meta.root !== NO_PAGE) tree.walk(Number(meta.root))
  return tree.entries
}

/** One of the two meta pages; the one with the newer transaction counts. */
function readMeta(db: Buffer, at: number): Meta | undefined {
  const base = at + PAGE_HEAD
  if (base + 136 > db.length || db.readUInt32LE(base) !== MAGIC) return undefined
  const pageSize = db.readUInt32LE(base + 24)
  if (pageSize < 512 || pageSize > 65_536) return undefined
  return { pageSize, root: db.readBigUInt64LE(base + 24 + 48 + 40), transaction: db.readBigUInt64LE(base + 128) }
}

/** Pages are read once: a file that is damaged may have trees that lead back into themselves. */
class Tree {
  readonly entries = new Map<string, string>()
  readonly #db: Buffer
  readonly #pageSize: number
  readonly #read = new Set<number>()
  #left: number

  constructor(db: Buffer, pageSize: number) {
    this.#db = db
    this.#pageSize = pageSize
    this.#left = db.length
  }

  #page(n: number): Buffer {
    const from = n * this.#pageSize
    if (from + this.#pageSize > this.#db.length) throw new Error(`page ${n} is behind the end`)
    if (this.#read.has(n)) throw new Error('the tree has a loop')
    this.#read.add(n)
    return this.#db.subarray(from, from + this.#pageSize)
  }

  walk(n: number): void {
    const page = this.#page(n)
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
      if ((flags & P_BRANCH) !== 0) this.walk(low + high * 65_536 + nodeFlags * 2 ** 32)
      else if ((flags & P_LEAF) !== 0) {
        const key = page.subarray(node + 8, node + 8 + keySize)
        const size = low + high * 65_536
        const from = node + 8 + keySize
        const isBig = (nodeFlags & F_BIGDATA) !== 0
        const value = isBig
          ? this.#overflow(Number(page.readBigUInt64LE(from)), size)
          : page.subarray(from, from + size)
        this.#take(key, value)
      } else throw new Error('a page of unknown kind')
    }
  }

  #overflow(n: number, size: number): Buffer {
    const page = this.#page(n)
    const from = n * this.#pageSize + PAGE_HEAD
    if ((page.readUInt16LE(10) & P_OVERFLOW) === 0 || from + size > this.#db.length)
      throw new Error('an overflow page is broken')
    return this.#db.subarray(from, from + size)
  }

  #take(key: Buffer, value: Buffer): void {
    this.#left -= key.length + value.length
    if (this.#left < 0) throw new Error('items lie one over the other')
    this.entries.set(withoutNul(key), withoutNul(value))
  }
}

/** Postfix's lmdb: tables end keys and values with a NUL where its hash: tables do. */
function withoutNul(octets: Buffer): string {
  return octets.toString('utf8', 0, octets.at(-1) === 0 ? octets.length - 1 : octets.length)
}
