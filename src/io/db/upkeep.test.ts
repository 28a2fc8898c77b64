import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'
import { Checkpointer, openDatabase, type Schema, type SqliteDb, SyncLine } from './mod.ts'

const schema: Schema = { room: 'test', steps: ['CREATE TABLE t (k INTEGER PRIMARY KEY, v ANY) STRICT'] }

function scratch(t: TestContext): SqliteDb {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-db-'))
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [schema] })
  t.after(() => {
    db.close()
    rmSync(dir, { recursive: true })
  })
  return db
}

const insert = (db: SqliteDb, octets = 1): Promise<unknown> =>
  db.write((tx) => tx.sql('INSERT INTO t (v) VALUES (zeroblob(?))').run(octets))

test('syncWal() resolves, alone and together, before and after the WAL exists', async (t) => {
  const db = scratch(t)
  await db.syncWal()
  await insert(db)
  await Promise.all([db.syncWal(), db.syncWal(), db.syncWal()])
  await db.syncWal()
})

test('the sync line passes while there are commits, and rests without', async (t) => {
  const db = scratch(t)
  const line = new SyncLine(db, { everyMs: 5 })
  line.start()
  const seen = db.syncs
  await insert(db)
  const giveUp = performance.now() + 5000
  while (db.syncs < seen + 2 && performance.now() < giveUp) {
    await insert(db)
    await sleep(5)
  }
  assert.ok(db.syncs >= seen + 2)
  await sleep(50)
  const resting = db.syncs
  await sleep(50)
  assert.equal(db.syncs, resting)
  await line.stop()
  assert.equal(db.syncs, resting + 1)
})

test('a checkpoint brings the WAL into the database file', async (t) => {
  const db = scratch(t)
  await insert(db, 100_000)
  const before = statSync(db.path).size
  assert.ok(!(before > 100_000))
  const checkpointer = new Checkpointer(db)
  await checkpointer.pass()
  assert.ok(statSync(db.path).size > 100_000)
  assert.equal(db.checkpoint().whole, true)
})

test('a long WAL begins anew, with a row of its own first', async (t) => {
  const db = scratch(t)
  const checkpointer = new Checkpointer(db, { restartAboveOctets: 50_000, fullAboveOctets: 60_000 })
  await insert(db, 100_000)
  assert.ok(db.checkpoint().octets > 100_000)
  await checkpointer.pass()
  assert.ok(db.checkpoint().octets < 20_000)
  assert.equal(db.read.sql("SELECT value FROM server_state WHERE key = 'wal_restarts'").get()?.[0], '1')
  assert.equal(db.walFull, false)
})

test('a WAL that a reader holds back is full, until the reader is gone', async (t) => {
  const db = scratch(t)
  await insert(db)
  const reader = new DatabaseSync(db.path, { timeout: 0 })
  reader.exec('BEGIN')
  reader.prepare('SELECT count(*) FROM t').get()
  await insert(db, 100_000)
  const checkpointer = new Checkpointer(db, { restartAboveOctets: 50_000, fullAboveOctets: 60_000 })
  await checkpointer.pass()
  assert.equal(db.walFull, true)
  reader.close()
  await checkpointer.pass() // without a commit in between
  assert.equal(db.walFull, false)
})

test('the checkpointer works by its timer until it is stopped', async (t) => {
  const db = scratch(t)
  const checkpointer = new Checkpointer(db, { everyMs: 2 })
  checkpointer.start()
  await insert(db, 100_000)
  const giveUp = performance.now() + 5000
  while (statSync(db.path).size < 100_000 && performance.now() < giveUp) await sleep(5)
  assert.ok(statSync(db.path).size > 100_000)
  await checkpointer.stop()
})
