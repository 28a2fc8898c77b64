import assert from 'node:assert/strict'
import { appendFileSync, cpSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { listen, type PostigoEvent } from '../../base/mod.ts'
import { openDatabase, type Reader, type Schema, type SqliteDb, type Tx } from '../db/mod.ts'
import {
  compactSegments,
  type ContentOwner,
  GoneError,
  logSchema,
  originOf,
  type Position,
  reapDeadSegments,
  recover,
  type RecoveryReport,
  releaseContent,
  retainContent,
  scanSegment,
  segmentFiles,
  SegmentLog,
} from './mod.ts'

const schema: Schema = {
  room: 'test',
  steps: ['CREATE TABLE entry (name TEXT, segment INTEGER, "offset" INTEGER, length INTEGER) STRICT'],
}

function directory(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-recover-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

function openDb(t: TestContext, dir: string): SqliteDb {
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [logSchema, schema] })
  t.after(() => db.close())
  return db
}

function enter(tx: Tx, name: string, at: Position): Position {
  tx.sql('INSERT INTO entry VALUES (?, ?, ?, ?)').run(name, at.segment, at.offset, at.length)
  retainContent(tx, at)
  return at
}

function put(log: SegmentLog, name: string, sizeHint = 0): Promise<Position> {
  const draft = log.draft(sizeHint)
  void draft.write(Buffer.from(`content of ${name}`))
  return log.commit('mail', draft, Buffer.from(name), (tx, at) => enter(tx, name, at))
}

function start(db: SqliteDb, dir: string, sameBoot: boolean): Promise<RecoveryReport> {
  const refuse = (): never => assert.fail('no record of that kind')
  return recover({
    dir: join(dir, 'log'),
    db,
    sameBoot,
    replay: {
      mail(tx, record) {
        const name = record.facts.toString()
        assert.equal(record.read(0, record.at.length).toString(), `content of ${name}`)
        enter(tx, name, record.at)
      },
      append: refuse,
      moved: refuse,
    },
  })
}

const openLog = (db: SqliteDb, dir: string): SegmentLog =>
  new SegmentLog({ dir: join(dir, 'log'), db, memoryLimit: 1_000_000 })

const names = (reader: Reader): string[] =>
  reader
    .sql('SELECT name FROM entry ORDER BY name')
    .all()
    .map(([name]) => String(name))

const nothing = { replayed: 0, cutOctets: 0, removedFiles: 0, adopted: [], damaged: [] }

/** A log with some messages, and the database as it was after the first. */
async function withOlderDatabase(t: TestContext): Promise<{ dir: string; db: SqliteDb }> {
  const [now, old] = [directory(t), directory(t)]
  const db = openDb(t, now)
  await start(db, now, false)
  const log = openLog(db, now)
  await put(log, 'first')
  db.checkpoint()
  cpSync(join(now, 'mail.db'), join(old, 'mail.db'))
  await Promise.all([put(log, 'second'), put(log, 'third')])
  await put(log, 'large', 5_000_000)
  await log.close()
  cpSync(join(now, 'log'), join(old, 'log'), { recursive: true })
  return { dir: old, db: openDb(t, old) }
}

test('an older database takes in what the log has beyond it, segments that it does not know included', async (t) => {
  const { dir, db } = await withOlderDatabase(t)
  assert.deepEqual(names(db.read), ['first'])
  assert.deepEqual(await start(db, dir, false), { ...nothing, replayed: 3, adopted: [2] })
  assert.deepEqual(names(db.read), ['first', 'large', 'second', 'third'])
  assert.deepEqual(await start(db, dir, false), nothing)
  const at = await put(openLog(db, dir), 'new')
  assert.ok(at.segment > 2)
})

test('an empty database takes in the whole log', async (t) => {
  const { dir } = await withOlderDatabase(t)
  const fresh = directory(t)
  cpSync(join(dir, 'log'), join(fresh, 'log'), { recursive: true })
  const db = openDb(t, fresh)
  assert.deepEqual(await start(db, fresh, false), { ...nothing, replayed: 4, adopted: [1, 2] })
})

test('a torn record ends the segment, in another boot', async (t) => {
  const { dir, db } = await withOlderDatabase(t)
  const path = join(dir, 'log', '0000000001.log')
  appendFileSync(path, Buffer.from('PREC, and no more'))
  const report = await start(db, dir, false)
  assert.deepEqual([report.replayed, report.cutOctets], [3, 17])
})

test('what lies beyond a watermark in the same boot is cut', async (t) => {
  const { dir, db } = await withOlderDatabase(t)
  const report = await start(db, dir, true)
  assert.deepEqual([report.adopted, report.damaged], [[2], []])
  assert.ok(report.cutOctets > 0)
  assert.ok(!names(db.read).includes('second'))
})

test('a replay that throws stops the start, and it can be run again', async (t) => {
  const { dir, db } = await withOlderDatabase(t)
  let n = 0
  const mail = (tx: Tx, { facts, at }: { readonly facts: Buffer; readonly at: Position }): void => {
    if (++n === 2) throw new Error('a defect')
    enter(tx, facts.toString(), at)
  }
  const options = { dir: join(dir, 'log'), db, sameBoot: false, replay: { mail, append: mail, moved: mail } }
  await assert.rejects(recover(options), /a defect/)
  assert.equal((await recover(options)).replayed, 2)
  assert.deepEqual(names(db.read), ['first', 'large', 'second', 'third'])
})

test('spools and dead files go; missing and shortened segments are reported, and their rows kept', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  const log = openLog(db, dir)
  const first = await put(log, 'first')
  const large = await put(log, 'large', 5_000_000)
  const gone = await put(log, 'gone', 5_000_000)
  await log.close()
  await db.write((tx) => tx.sql('DELETE FROM segment WHERE number = ?').run(gone.segment))
  writeFileSync(join(dir, 'log', `spool-${'0'.repeat(32)}`), 'x')
  truncateSync(join(dir, 'log', '0000000001.log'), first.offset + 3)
  rmSync(join(dir, 'log', '0000000002.log'))
  const expected = { ...nothing, damaged: [first.segment, large.segment] }
  assert.deepEqual(await start(db, dir, true), { ...expected, removedFiles: 2 })
  assert.deepEqual(await start(db, dir, true), expected)
  const next = await put(openLog(db, dir), 'next')
  assert.ok(next.segment > gone.segment)
})

test('a number is never given again, also by a database that was put back', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  db.checkpoint()
  cpSync(join(dir, 'mail.db'), join(dir, 'old.db'))
  const log = openLog(db, dir)
  const large = await put(log, 'large', 5_000_000)
  await log.close()
  await db.write((tx) => releaseContent(tx, large))
  assert.equal(await reapDeadSegments({ db, dir: join(dir, 'log') }), 1)
  db.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dir, `mail.db${suffix}`), { force: true })
  cpSync(join(dir, 'old.db'), join(dir, 'mail.db'))
  const old = openDb(t, dir)
  await start(old, dir, false)
  const at = await put(openLog(old, dir), 'next')
  assert.ok(at.segment > large.segment)
})

test('a segment that nothing refers to loses its file, then its row; others stay', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  const log = openLog(db, dir)
  const [kept, gone] = [await put(log, 'kept', 5_000_000), await put(log, 'gone', 5_000_000)]
  const open = await put(log, 'open')
  await db.write((tx) => {
    releaseContent(tx, gone)
    releaseContent(tx, open)
  })
  const fileOf = (at: Position): boolean => existsSync(join(dir, 'log', `${String(at.segment).padStart(10, '0')}.log`))
  assert.equal(await reapDeadSegments({ db, dir: join(dir, 'log') }), 1)
  assert.deepEqual([kept, gone, open].map(fileOf), [true, false, true])
  await log.close()
  assert.equal(await reapDeadSegments({ db, dir: join(dir, 'log') }), 1)
  assert.deepEqual([kept, gone, open].map(fileOf), [true, false, false])
  assert.equal(await reapDeadSegments({ db, dir: join(dir, 'log') }), 0)
})

test('a segment that an owner still refers to stays, whatever the count says', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  const log = openLog(db, dir)
  const at = await put(log, 'counted wrongly', 5_000_000)
  await db.write((tx) => releaseContent(tx, at))
  const events: PostigoEvent[] = []
  t.after(listen((event) => events.push(event)))
  const owner = { positions: () => [at], nextSegment: () => undefined, move: () => 0 }
  assert.equal(await reapDeadSegments({ db, dir: join(dir, 'log'), owners: [owner] }), 0)
  assert.deepEqual(events, [{ event: 'log.miscounted', segment: at.segment }])
  assert.equal(log.read(at, 0, 7).toString(), 'content')
  await log.close()
})

const entryOwner: ContentOwner = {
  nextSegment: () => undefined,
  positions: (reader, segment, fromOffset, limit) =>
    reader
      .sql('SELECT "offset", length FROM entry WHERE segment = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?')
      .all(segment, fromOffset, limit)
      .map(([offset, length]) => ({ segment, offset: Number(offset), length: Number(length) })),
  move: (tx, from, to) =>
    tx
      .sql('UPDATE entry SET segment = ?, "offset" = ? WHERE segment = ? AND "offset" = ?')
      .run(to.segment, to.offset, from.segment, from.offset).changes,
}

function positionOf(reader: Reader, name: string): Position {
  const row = reader.sql('SELECT segment, "offset", length FROM entry WHERE name = ?').get(name) ?? []
  const [segment = 0, offset = 0, length = 0] = row.map(Number)
  return { segment, offset, length }
}

test('what is left in a mostly dead segment moves, and the segment goes', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  const log = openLog(db, dir)
  const all = Array.from({ length: 200 }, (_, i) => `message ${i}`)
  const kept = all.filter((_, i) => i % 10 === 0)
  await Promise.all(all.map((name) => put(log, name)))
  await log.close()
  const old = positionOf(db.read, 'message 10')
  await db.write((tx) => {
    for (const name of all) {
      if (kept.includes(name)) continue
      const at = positionOf(tx, name)
      tx.sql('DELETE FROM entry WHERE name = ?').run(name)
      releaseContent(tx, at)
    }
    // Two rows at one place: both move.
    enter(tx, 'twice', positionOf(tx, 'message 20'))
  })
  const fresh = openLog(db, dir)
  const options = { db, dir: join(dir, 'log'), log: fresh, owners: [entryOwner] }
  const octets = kept.reduce((sum, name) => sum + `content of ${name}`.length, 0)
  assert.equal(await compactSegments(options), octets)
  assert.equal(await compactSegments(options), 0)
  assert.equal(await reapDeadSegments(options), 1)
  for (const name of kept) assert.equal(fresh.read(positionOf(db.read, name), 0, 99).toString(), `content of ${name}`)
  assert.deepEqual(positionOf(db.read, 'twice'), positionOf(db.read, 'message 20'))
  assert.throws(() => openLog(db, dir).read(old, 0, 1), GoneError)
  await fresh.close()
  const origins: ReturnType<typeof originOf>[] = []
  for (const number of segmentFiles(join(dir, 'log')))
    for (const one of scanSegment(join(dir, 'log'), number)) if ('record' in one) origins.push(originOf(one.record))
  // Whose it is stands beside it still, as it stood beside it first.
  assert.deepEqual(
    origins.map((origin) => [origin?.kind, origin?.from, origin?.facts.toString()]),
    kept.map((name) => ['mail', 0, name]),
  )
  const [live] = db.read.sql('SELECT live_octets FROM segment WHERE number = 2').get() ?? []
  assert.equal(live, octets + 'content of message 20'.length)
})

test('a row that changes while its content moves stays where it is', async (t) => {
  const dir = directory(t)
  const db = openDb(t, dir)
  await start(db, dir, false)
  const log = openLog(db, dir)
  await Promise.all(Array.from({ length: 20 }, (_, i) => put(log, `message ${i}`)))
  await log.close()
  await db.write((tx) => {
    tx.sql("DELETE FROM entry WHERE name <> 'message 7'").run()
    tx.sql('UPDATE segment SET live_octets = ? WHERE number = 1').run(positionOf(tx, 'message 7').length)
  })
  const fresh = openLog(db, dir)
  const going = db.write((tx) => {
    releaseContent(tx, positionOf(tx, 'message 7'))
    tx.sql('DELETE FROM entry').run()
  })
  await Promise.all([compactSegments({ db, dir: join(dir, 'log'), log: fresh, owners: [entryOwner] }), going])
  await fresh.close()
  assert.deepEqual(names(db.read), [])
  assert.deepEqual(db.read.sql('SELECT live_octets FROM segment').all(), [[0], [0]])
})
