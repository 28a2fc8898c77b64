/** cdb files (D. J. Bernstein's constant database), as Postfix's postmap writes them. */

const HEADER = 2048

/** Reads all pairs of a `.cdb` file; of a key that is there twice the first counts. Throws Error where it is not one. */
export function readCdb(db: Buffer): Map<string, string> {
  if (db.length < HEADER) throw new Error('the file is cut short')
  let end = db.length
  for (let i = 0; i < HEADER; i += 8) {
    const table = db.readUInt32LE(i)
    if (table < HEADER || table + db.readUInt32LE(i + 4) * 8 > db.length) throw new Error('not a cdb file')
    end = Math.min(end, table)
  }
  const entries = new Map<string, string>()
  for (let at = HEADER; at < end;) {
    const keyLength = db.readUInt32LE(at)
    const valueLength = db.readUInt32LE(at + 4)
    const key = at + 8
    const value = key + keyLength
    at = value + valueLength
    if (at > end) throw new Error('a record runs over its end')
    const name = text(db, key, value)
    if (!entries.has(name)) entries.set(name, text(db, value, at))
  }
  return entries
}

function text(db: Buffer, from: number, to: number): string {
  return db.toString('utf8', from, to > from && db[to - 1] === 0 ? to - 1 : to)
}
