/**
 * Berkeley DB files as Postfix's postmap writes them: hash (version 9) and btree. Read whole, every item checked
 * against the file's bounds. Layout: Oracle's db_page.h.
 */

const HASH_MAGIC = 0x061561
const BTREE_MAGIC = 0x053162
/** Page types. */
const P_HASH_UNSORTED = 2
const P_LBTREE = 5
const P_HASH = 13
/** Items of a hash page. */
const H_KEYDATA = 1
const H_OFFPAGE = 3
/** Items of a btree leaf. */
const B_KEYDATA = 1
const B_OVERFLOW = 3
const PAGE_HEAD = 26
const NEXT_PAGE = 16

/** Reads all pairs of a `.db` file. Throws Error where it is not one. */
export function readBerkeley(db: Buffer): Map<string, string> {
  if (db.length < 72) throw new Error('the file is cut short')
  const magic = db.readUInt32LE(12)
  const pageSize = db.readUInt32LE(20)
  if ((magic !== HASH_MAGIC && magic !== BTREE_MAGIC) || pageSize < 512 || pageSize > 65_536)
    throw new Error('not a Berkeley DB file of this byte order')
  const pages = new Pages(db, pageSize)
  const entries = new Map<string, string>()
  let left = db.length
  for (let n = 1; n < pages.count; n++) {
    const items = pages.items(n)
    for (let i = 0; i + 1 < items.length; i += 2) {
      const [key, value] = [items[i], items[i + 1]]
      if (key === undefined || value === undefined) continue
      left -= key.length + value.length
      if (left < 0) throw new Error('items lie one over the other')
      entries.set(withoutNul(key), withoutNul(value))
    }
  }
  return entries
}

/** Postfix ends keys and values with a NUL on most systems. */
function withoutNul(octets: Buffer): string {
  return octets.toString('utf8', 0, octets.at(-1) === 0 ? octets.length - 1 : octets.length)
}

class Pages {
  readonly #db: Buffer
  readonly #size: number
  readonly count: number
  /** Overflow pages that were read: each belongs to one item. */
  readonly #read = new Set<number>()

  constructor(db: Buffer, size: number) {
    this.#db = db
    this.#size = size
    this.count = Math.floor(db.length / size)
  }

  #page(n: number): Buffer {
    if (n >= this.count) throw new Error(`page ${n} is behind the end`)
    return this.#db.subarray(n * this.#size, (n + 1) * this.#size)
  }

  /** Keys and values of a leaf page in turn; none of any other page. */
  items(n: number): readonly (Buffer | undefined)[] {
    const page = this.#page(n)
    const type = page[25]
    if (type === P_HASH || type === P_HASH_UNSORTED) return this.#hashItems(page)
    return type === P_LBTREE ? this.#btreeItems(page) : []
  }

  #offsets(page: Buffer): number[] {
    const count = page.readUInt16LE(20)
    if (PAGE_HEAD + 2 * count > page.length) throw new Error('a page lists more than it holds')
    return Array.from({ length: count }, (_, i) => page.readUInt16LE(PAGE_HEAD + 2 * i))
  }

  /** Items lie from the page's end downwards, so each ends where the one before it begins. */
  #hashItems(page: Buffer): (Buffer | undefined)[] {
    let end = this.#size
    return this.#offsets(page).map((from) => {
      if (from >= end) throw new Error('an item without octets')
      const item = page.subarray(from, end)
      end = from
      if (item[0] === H_KEYDATA) return item.subarray(1)
      if (item[0] === H_OFFPAGE) return this.#overflow(item.readUInt32LE(4), item.readUInt32LE(8))
      return undefined // duplicates, which postmap does not make
    })
  }

  #btreeItems(page: Buffer): (Buffer | undefined)[] {
    return this.#offsets(page).map((from) => {
      const type = (page[from + 2] ?? 0) & 0x7f
      if (type === B_OVERFLOW) return this.#overflow(page.readUInt32LE(from + 4), page.readUInt32LE(from + 8))
      const length = page.readUInt16LE(from)
      if (from + 3 + length > page.length) throw new Error('an item runs over its page')
      return type === B_KEYDATA ? page.subarray(from + 3, from + 3 + length) : undefined
    })
  }

  /** An item too large for a page: a chain of pages of its own. */
  #overflow(first: number, length: number): Buffer {
    const parts: Buffer[] = []
    let left = length
    for (let n = first; left > 0;) {
      if (n === 0 || this.#read.has(n)) throw new Error('an overflow chain is broken')
      this.#read.add(n)
      const page = this.#page(n)
      const part = page.subarray(PAGE_HEAD, PAGE_HEAD + Math.min(left, page.readUInt16LE(22)))
      if (part.length === 0) throw new Error('an overflow page is empty')
      parts.push(part)
      left -= part.length
      n = page.readUInt32LE(NEXT_PAGE)
    }
    return Buffer.concat(parts)
  }
}
