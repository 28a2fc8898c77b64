import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openDatabase, type SqliteDb, type Tx } from '../db/mod.ts'
import {
  type Draft,
  type FileSystem,
  GoneError,
  LogBrokenError,
  LogFailedError,
  LogFullError,
  type LogSettings,
  logSchema,
  type Position,
  realFileSystem,
  recover,
  SegmentLog,
} from './mod.ts'

interface Place {
  readonly db: SqliteDb
  readonly dir: string
  readonly log: SegmentLog
}

async function open(t: TestContext, settings: Partial<LogSettings> = {}): Promise<Place> {
  const root = mkdtempSync(join(tmpdir(), 'postigo-log-'))
  const dir = join(root, 'log')
  const db = openDatabase({ path: join(root, 'mail.db'), schemas: [logSchema] })
  const nothing = (): void => {}
  await recover({ dir, db, replay: { mail: nothing, append: nothing, moved: nothing }, sameBoot: false })
  const log = new SegmentLog({ dir, db, memoryLimit: 1_000_000, ...settings })
  t.after(async () => {
    await log.close()
    db.close()
    rmSync(root, { recursive: true })
  })
  return { db, dir, log }
}

/** The real file system with some of it replaced. */
const failing = (changes: Partial<FileSystem>): FileSystem => ({ ...realFileSystem, ...changes })

const error = (code: string): Error => Object.assign(new Error(code), { code })

function draftOf(log: SegmentLog, text: string, sizeHint = 0): Draft {
  const draft = log.draft(sizeHint)
  void draft.write(Buffer.from(text))
  return draft
}

const put = (log: SegmentLog, text: string, sizeHint = 0): Promise<Position> =>
  log.commit('mail', draftOf(log, text, sizeHint), Buffer.from('facts'), (_tx, at) => at)

const textAt = (log: SegmentLog, at: Position): string => log.read(at, 0, at.length).toString()

test('what is committed is read back, whole and in part', async (t) => {
  const { log } = await open(t)
  const at = await put(log, 'Subject: one\r\n\r\nbody\r\n')
  assert.equal(textAt(log, at), 'Subject: one\r\n\r\nbody\r\n')
  assert.equal(log.read(at, 9, 12).toString(), 'one')
  assert.equal(log.read(at, 20, 999).toString(), '\r\n')
  assert.equal(log.read(at, 22, 999).length, 0)
})

test('commits that wait together share one sync and one transaction', async (t) => {
  let syncs = 0
  const fs = failing({
    dataSync(fd) {
      syncs++
      return realFileSystem.dataSync(fd)
    },
  })
  const { log, db } = await open(t, { fs })
  await put(log, 'the segment is open')
  const [syncsBefore, commitsBefore] = [syncs, db.commits]
  const texts = Array.from({ length: 50 }, (_, i) => `message ${i}`)
  const positions = await Promise.all(texts.map((text) => put(log, text)))
  assert.equal(syncs - syncsBefore, 1)
  assert.equal(db.commits - commitsBefore, 1)
  assert.deepEqual(
    positions.map((at) => textAt(log, at)),
    texts,
  )
})

for (const [size, sizeHint] of [
  ['small', 0],
  ['large', 5_000_000],
] as const) {
  test(`one ${size} message right after the other: none is left waiting`, { timeout: 10_000 }, async (t) => {
    const { log } = await open(t)
    for (let ticks = 0; ticks < 20; ticks++) {
      const at = await put(log, `${ticks}`, sizeHint)
      for (let i = 0; i < ticks; i++) await Promise.resolve()
      assert.equal(textAt(log, at), `${ticks}`)
    }
  })
}

test('a reply comes after the sync and the transaction', async (t) => {
  const order: string[] = []
  const { log } = await open(t, { onPoint: (point) => order.push(point) })
  await log.commit('mail', draftOf(log, 'x'), Buffer.alloc(0), () => order.push('consequence'))
  order.push('reply')
  assert.deepEqual(order, ['appended', 'synced', 'consequence', 'committed', 'reply'])
})

test('a consequence that throws is refused, and the others of its batch are not', async (t) => {
  const { log } = await open(t)
  const bad = log.commit('mail', draftOf(log, 'bad'), Buffer.alloc(0), () => {
    throw new Error('a defect')
  })
  const [first, , last] = await Promise.allSettled([put(log, 'first'), bad, put(log, 'last')])
  await assert.rejects(bad, LogFailedError)
  assert.ok(first.status === 'fulfilled' && last.status === 'fulfilled')
  assert.equal(textAt(log, first.value), 'first')
  assert.equal(textAt(log, last.value), 'last')
})

test('a full disk refuses, leaves nothing, and works again when there is room', async (t) => {
  let full = false
  const fs = failing({
    write(fd, buffers, at) {
      if (!full) return realFileSystem.write(fd, buffers, at)
      realFileSystem.write(fd, [Buffer.concat(buffers).subarray(0, 10)], at)
      throw error('ENOSPC')
    },
  })
  const { log, db, dir } = await open(t, { fs })
  const before = await put(log, 'before')
  full = true
  await assert.rejects(put(log, 'meanwhile'), LogFullError)
  await assert.rejects(put(log, 'meanwhile, large', 5_000_000), LogFullError)
  full = false
  const after = await put(log, 'after')
  assert.deepEqual([textAt(log, before), textAt(log, after)], ['before', 'after'])
  assert.equal(after.segment, before.segment)
  assert.deepEqual(readdirSync(dir).toSorted(), ['0000000001.log', 'given'])
  assert.equal(db.read.sql('SELECT count(*) FROM segment').get()?.[0], 1)
})

test('a disk that is full before there is a segment leaves no trace of one', async (t) => {
  const { db, dir } = await open(t)
  const fs = failing({
    write() {
      throw error('ENOSPC')
    },
  })
  const other = new SegmentLog({ dir, db, fs, memoryLimit: 1000 })
  await assert.rejects(put(other, 'x'), LogFullError)
  await assert.rejects(put(other, 'x'), LogFullError)
  assert.equal(readdirSync(dir).filter((name) => name.endsWith('.log')).length, 0)
  assert.equal(db.read.sql('SELECT count(*) FROM segment').get()?.[0], 0)
})

test('a sync that fails is refused, and the next batch goes to another segment', async (t) => {
  let fail = false
  const fs = failing({
    dataSync: (fd) => (fail ? Promise.reject(error('EIO')) : realFileSystem.dataSync(fd)),
  })
  const { log } = await open(t, { fs })
  const before = await put(log, 'before')
  fail = true
  await assert.rejects(put(log, 'meanwhile'), LogFailedError)
  fail = false
  const after = await put(log, 'after')
  assert.notEqual(after.segment, before.segment)
  assert.deepEqual([textAt(log, before), textAt(log, after)], ['before', 'after'])
})

test('what can be neither committed nor taken back turns all threads read-only, without a reply for its batch', async (t) => {
  const { log: other, db, dir } = await open(t)
  const fs = failing({
    truncate() {
      throw error('EIO')
    },
  })
  const log = new SegmentLog({ dir, db, fs, memoryLimit: 1000 })
  await put(log, 'the segment is open')
  const broken = log.commit('mail', draftOf(log, 'x'), Buffer.alloc(0), () => {
    throw new Error('a defect, and then truncate fails')
  })
  await assert.rejects(broken, LogBrokenError)
  assert.equal(db.readOnly, true)
  await assert.rejects(put(log, 'y'), LogFailedError)
  await assert.rejects(put(other, 'z'), LogFailedError)
  await log.close()
})

test('a long WAL refuses as a full disk does', async (t) => {
  const { log, db } = await open(t)
  db.setWalFull(true)
  await assert.rejects(put(log, 'x'), LogFullError)
  db.setWalFull(false)
  await put(log, 'x')
})

test('a segment that is long enough is sealed, and the next one opened', async (t) => {
  const { log, db } = await open(t, { segmentLimit: 1000 })
  const positions: Position[] = []
  for (let i = 0; i < 4; i++) positions.push(await put(log, 'x'.repeat(600)))
  assert.deepEqual(
    positions.map((at) => at.segment),
    [1, 1, 2, 2],
  )
  const states = (): unknown => db.read.sql('SELECT number, state FROM segment').all()
  assert.deepEqual(states(), [
    [1, 'sealed'],
    [2, 'open'],
  ])
  await log.close()
  assert.deepEqual(states(), [
    [1, 'sealed'],
    [2, 'sealed'],
  ])
})

test('a large message has a segment of its own, and does not hold up small ones', async (t) => {
  const gate = Promise.withResolvers<void>()
  const fs = failing({
    async dataSync(fd) {
      if (realFileSystem.size(fd) > 4_000_000) await gate.promise
      await realFileSystem.dataSync(fd)
    },
  })
  const { log, dir } = await open(t, { fs })
  const text = 'large '.repeat(1_000_000)
  const large = put(log, text)
  const small = await put(log, 'small')
  gate.resolve()
  const at = await large
  assert.notEqual(at.segment, small.segment)
  assert.equal(at.length, text.length)
  assert.equal(log.read(at, 6_000_000 - 6, 6_000_000).toString(), 'large ')
  assert.equal(readdirSync(dir).filter((name) => name.startsWith('spool-')).length, 0)
})

test('over the memory limit the largest draft goes to disk, and is committed whole', async (t) => {
  const { log, dir } = await open(t, { memoryLimit: 10_000 })
  const [small, large] = [log.draft(), log.draft()]
  void small.write(Buffer.from('small'))
  for (let i = 0; i < 5; i++) void large.write(Buffer.alloc(3000, String(i)))
  void small.write(Buffer.from(' too'))
  assert.equal(readdirSync(dir).filter((name) => name.startsWith('spool-')).length, 1)
  assert.equal(large.read(2999, 3001).toString(), '01')
  assert.equal(large.read(11_999, 12_001).toString(), '34')
  const expected = Buffer.concat(['0', '1', '2', '3', '4'].map((digit) => Buffer.alloc(3000, digit)))
  assert.deepEqual(large.read(0, 15_000), expected)
  const at = await log.commit('mail', large, Buffer.alloc(0), (_tx, where) => where)
  assert.deepEqual(log.read(at, 0, at.length), expected)
  const smallAt = await log.commit('mail', small, Buffer.alloc(0), (_tx, where) => where)
  assert.equal(textAt(log, smallAt), 'small too')
})

test('while memory is held by what is being committed, small drafts wait; then they go on', async (t) => {
  const gate = Promise.withResolvers<void>()
  let hold = false
  const fs = failing({
    async dataSync(fd) {
      if (hold) await gate.promise
      await realFileSystem.dataSync(fd)
    },
  })
  const { log, dir } = await open(t, { fs, memoryLimit: 10_000 })
  await put(log, 'the segment is open')
  hold = true
  const committing = put(log, 'x'.repeat(9_999))
  const draft = log.draft()
  const wait = draft.write(Buffer.from('more'))
  assert.ok(wait instanceof Promise)
  let waited = false
  void wait.then(() => (waited = true))
  await sleep(5)
  assert.equal(waited, false)
  gate.resolve()
  await Promise.all([committing, wait])
  assert.equal(readdirSync(dir).filter((name) => name.startsWith('spool-')).length, 0)
})

test('a draft reads back what was written, across chunks', async (t) => {
  const { log } = await open(t)
  const draft = log.draft()
  for (const chunk of ['abc', 'def', '', 'ghi']) void draft.write(Buffer.from(chunk))
  assert.equal(draft.size, 9)
  assert.equal(draft.read(0, 9).toString(), 'abcdefghi')
  assert.equal(draft.read(2, 7).toString(), 'cdefg')
  assert.equal(draft.read(5, 100).toString(), 'fghi')
  assert.equal(draft.read(9, 10).length, 0)
})

test('discarding leaves no file; while and after a commit it is harmless', async (t) => {
  const { log, dir } = await open(t)
  draftOf(log, 'gone', 5_000_000).discard()
  assert.deepEqual(readdirSync(dir), [])
  const draft = draftOf(log, 'kept')
  const committing = log.commit('mail', draft, Buffer.alloc(0), (_tx, at) => at)
  draft.discard()
  assert.throws(() => draft.write(Buffer.from('late')), TypeError)
  const at = await committing
  draft.discard()
  assert.equal(textAt(log, at), 'kept')
  await assert.rejects(
    log.commit('mail', draft, Buffer.alloc(0), () => 0),
    TypeError,
  )
})

test('a spool that cannot be written is told to its own writer alone', async (t) => {
  const fs = failing({
    create(path) {
      if (path.includes('spool-')) throw error('ENOSPC')
      return realFileSystem.create(path)
    },
  })
  const { log } = await open(t, { fs, memoryLimit: 10_000 })
  const [large, small] = [log.draft(), log.draft()]
  void large.write(Buffer.alloc(9000))
  void small.write(Buffer.alloc(2000))
  assert.throws(() => large.write(Buffer.alloc(1)), LogFullError)
  await assert.rejects(
    log.commit('mail', large, Buffer.alloc(0), () => 0),
    LogFullError,
  )
  await log.commit('mail', small, Buffer.alloc(0), () => 0)
})

test('a segment that is gone says so, a full table of files does not', async (t) => {
  let code = 'ENOENT'
  const fs = failing({
    openRead() {
      throw error(code)
    },
  })
  const { db, dir } = await open(t)
  const log = new SegmentLog({ dir, db, fs, memoryLimit: 1000 })
  const at = { segment: 77, offset: 0, length: 1 }
  assert.throws(() => log.read(at, 0, 1), GoneError)
  code = 'EMFILE'
  assert.throws(() => log.read(at, 0, 1), /EMFILE/)
})

test('closing waits for what is under way, discards open drafts, and refuses what comes later', async (t) => {
  const { log, dir, db } = await open(t)
  draftOf(log, 'open', 5_000_000)
  const late = draftOf(log, 'late')
  const underWay = put(log, 'under way')
  const large = put(log, 'under way, large', 5_000_000)
  await log.close()
  await Promise.all([underWay, large])
  await assert.rejects(
    log.commit('mail', late, Buffer.alloc(0), () => 0),
    LogFailedError,
  )
  assert.equal(readdirSync(dir).filter((name) => name.startsWith('spool-')).length, 0)
  assert.deepEqual(db.read.sql('SELECT DISTINCT state FROM segment').all(), [['sealed']])
})

test('a transaction is not given out of its time', async (t) => {
  const { log } = await open(t)
  const kept: Tx[] = []
  await log.commit('mail', draftOf(log, 'x'), Buffer.alloc(0), (tx) => kept.push(tx))
  assert.throws(() => kept[0]?.sql('SELECT 1'), TypeError)
})
