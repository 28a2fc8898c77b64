import assert from 'node:assert/strict'
import { appendFileSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { layoutsOf } from './layouts.ts'
import { type Damage, Salvage } from './salvage.ts'

const TABLES = [
  'CREATE TABLE letter (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, body BLOB NOT NULL, weight REAL) STRICT',
  'CREATE INDEX letter_weight ON letter (weight)',
  'CREATE TABLE word (owner INTEGER NOT NULL, word TEXT NOT NULL, PRIMARY KEY (word, owner)) WITHOUT ROWID, STRICT',
]
const LETTERS = 600
const WORDS = 900
const PAGE = 4096

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-salvage-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

/** @param wal kept beside the file, as a kill leaves it */
function makeDatabase(t: TestContext, wal = false): string {
  const [path, killed] = [join(directory(t), 'a.db'), join(directory(t), 'a.db')]
  const db = new DatabaseSync(path)
  db.exec(`PRAGMA journal_mode = wal; PRAGMA wal_autocheckpoint = 0; ${TABLES.join(';')}; BEGIN`)
  const letter = db.prepare('INSERT INTO letter (name, body, weight) VALUES (?, ?, ?)')
  for (let n = 1; n <= LETTERS; n++) letter.run(`letter ${n} ñ`, Buffer.alloc(n % 50 === 0 ? 20_000 : 300, n), n / 2)
  const word = db.prepare('INSERT INTO word VALUES (?, ?)')
  for (let n = 1; n <= WORDS; n++) word.run(n, `a word of some length ${n}`)
  db.exec('CREATE INDEX letter_body ON letter (body); COMMIT; DELETE FROM letter WHERE id = 7')
  for (const end of ['', '-wal']) if (wal) copyFileSync(path + end, killed + end)
  db.close()
  return wal ? killed : path
}

function salvaged(path: string): { letters: Set<unknown>; words: Set<unknown>; damage: Damage[]; damaged: string[] } {
  const damage: Damage[] = []
  const salvage = new Salvage(path, { layouts: layoutsOf(TABLES), onDamage: (one) => damage.push(one) })
  const found = { letter: new Set(), word: new Set() }
  for (const { table, columns, values } of salvage.rows()) {
    if (table !== 'letter' && table !== 'word') continue
    assert.equal(columns.length, values.length)
    if (table === 'letter') {
      const [id, name, body, weight] = values
      assert.deepEqual([name, weight], [`letter ${Number(id)} ñ`, Number(id) / 2])
      assert.ok(body instanceof Uint8Array && body.every((octet) => octet === Number(id) % 256))
    }
    found[table].add(values[0])
  }
  const { damaged } = salvage
  salvage.close()
  return { letters: found.letter, words: found.word, damage, damaged: [...damaged] }
}

/** Pages of a table or index, by kind. */
function pagesOf(path: string, name: string, kind: 'internal' | 'leaf' | 'overflow'): number[] {
  const db = new DatabaseSync(path, { readOnly: true })
  const rows = db.prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ?').all(name, kind)
  db.close()
  return rows.map(({ pageno }) => Number(pageno))
}

function wipe(path: string, page: number): void {
  const octets = readFileSync(path)
  octets.fill(0xa5, (page - 1) * PAGE, page * PAGE)
  writeFileSync(path, octets)
}

test('a whole database gives each row once, and nothing of what was deleted', (t) => {
  for (const wal of [false, true]) {
    const { letters, words, damage } = salvaged(makeDatabase(t, wal))
    assert.deepEqual([letters.size, words.size, letters.has(7), damage], [LETTERS - 1, WORDS, false, []])
  }
})

test('the first page, or one between root and leaves: every row is found all the same', (t) => {
  const path = makeDatabase(t)
  for (const page of [1, ...pagesOf(path, 'letter', 'internal')]) {
    const copy = makeDatabase(t)
    wipe(copy, page)
    const { letters, words, damage } = salvaged(copy)
    assert.deepEqual([letters.size, words.size], [LETTERS - 1, WORDS], `page ${page}`)
    assert.ok(damage.length > 0)
  }
})

test('a page of rows: the others are found, and the table is said to be damaged', (t) => {
  const path = makeDatabase(t)
  const [, page = 0] = pagesOf(path, 'letter', 'leaf')
  wipe(path, page)
  const { letters, words, damaged, damage } = salvaged(path)
  assert.ok(letters.size > LETTERS - 25 && letters.size < LETTERS - 1, `${letters.size}`)
  assert.deepEqual([words.size, damaged], [WORDS, ['letter']])
  assert.deepEqual(damage, [{ table: 'letter', page, text: 'the page is unreadable' }])
})

test('a page of a table without row numbers holds rows between its leaves, too', (t) => {
  const path = makeDatabase(t)
  const [page = 0] = pagesOf(path, 'word', 'internal')
  wipe(path, page)
  const { words, damaged } = salvaged(path)
  assert.ok(words.size > WORDS - 30 && words.size < WORDS, `${words.size}`)
  assert.deepEqual(damaged, ['word'])
})

test('a page of an index costs no row', (t) => {
  const path = makeDatabase(t)
  const [page = 0] = pagesOf(path, 'letter_body', 'leaf')
  wipe(path, page)
  const { letters, words, damaged } = salvaged(path)
  assert.deepEqual([letters.size, words.size, damaged], [LETTERS - 1, WORDS, []])
})

test('a WAL that is torn gives what was committed before, and says so', (t) => {
  const path = makeDatabase(t, true)
  const wal = readFileSync(`${path}-wal`)
  writeFileSync(`${path}-wal`, wal.subarray(0, wal.length - 10))
  const { letters, damage } = salvaged(path)
  assert.deepEqual([letters.size, letters.has(7)], [LETTERS, true]) // the last commit deleted 7
  assert.match(damage[0]?.text ?? '', /octets of the WAL are no whole commit/)
  appendFileSync(`${path}-wal`, Buffer.alloc(10, 3))
  assert.equal(salvaged(path).letters.size, LETTERS)
})

test('octets that are no database, none at all, and any page damaged anywhere: an end, and no exception', (t) => {
  const path = makeDatabase(t)
  const whole = readFileSync(path)
  const { size } = statSync(path)
  for (let n = 0; n < 60; n++) {
    const octets = Buffer.from(whole)
    for (let i = 0; i < 40; i++) octets[(n * 7919 + i * 104_729) % size] = (n * 31 + i * 17) & 0xff
    writeFileSync(path, octets)
    const { letters, words } = lenient(path)
    assert.ok(letters + words > (LETTERS + WORDS) / 2, `${letters} ${words} in trial ${n}`)
  }
  writeFileSync(path, 'no database')
  assert.deepEqual(lenient(path), { letters: 0, words: 0 })
  writeFileSync(path, '')
  assert.deepEqual(lenient(path), { letters: 0, words: 0 })
})

/** Rows with any content. */
function lenient(path: string): { letters: number; words: number } {
  const salvage = new Salvage(path, { layouts: layoutsOf(TABLES), onDamage: () => {} })
  const counts = { letter: 0, word: 0 }
  for (const { table } of salvage.rows()) if (table === 'letter' || table === 'word') counts[table]++
  salvage.close()
  return { letters: counts.letter, words: counts.word }
}

test('a free list, or the rest of a long row, that names pages of a tree costs none of their rows', (t) => {
  const path = makeDatabase(t)
  const db = new DatabaseSync(path)
  db.exec('DELETE FROM word WHERE owner > 300; DELETE FROM letter WHERE id > 500; PRAGMA wal_checkpoint(truncate)')
  db.close()
  const [, leaf = 0] = pagesOf(path, 'letter', 'leaf')
  const long = pagesOf(path, 'letter', 'overflow')[0] ?? 0
  const whole = readFileSync(path)
  const trunk = whole.readUInt32BE(32)
  assert.ok(trunk > 0 && leaf > 0 && long > 0)
  const free = Buffer.from(whole)
  free.writeUInt32BE(leaf, (trunk - 1) * PAGE + 8)
  const chain = Buffer.from(whole)
  chain.writeUInt32BE(leaf, (long - 1) * PAGE)
  // Of the long row alone nothing is left.
  for (const [octets, rows] of [
    [free, 499],
    [chain, 498],
  ] as const) {
    writeFileSync(path, octets)
    const { letters } = lenient(path)
    assert.equal(letters, rows)
  }
})
