import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { NewerSchemaError, openDatabase, type Schema, WriteTurn } from './mod.ts'

const schema: Schema = {
  room: 'test',
  steps: ['CREATE TABLE t (k INTEGER PRIMARY KEY, v ANY) STRICT'],
}

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-db-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return join(dir, 'mail.db')
}

test('what is committed is read, as arrays; what throws leaves nothing', async (t) => {
  const db = openDatabase({ path: scratch(t), schemas: [schema] })
  t.after(() => db.close())
  const id = await db.write((tx) => tx.sql('INSERT INTO t (v) VALUES (?)').run('one').lastInsertRowid)
  assert.deepEqual(db.read.sql('SELECT k, v FROM t').all(), [[id, 'one']])
  await assert.rejects(
    db.write((tx) => {
      tx.sql('INSERT INTO t (v) VALUES (?)').run('two')
      throw new Error('no')
    }),
    /^Error: no$/,
  )
  assert.deepEqual(db.read.sql('SELECT count(*) FROM t').get(), [1])
  await db.write((tx) => tx.sql('DELETE FROM t').run())
  assert.equal(db.read.sql('SELECT k FROM t').get(), undefined)
})

test('a transaction that is not synchronous is refused and rolled back', async (t) => {
  const db = openDatabase({ path: scratch(t), schemas: [schema] })
  t.after(() => db.close())
  await assert.rejects(
    db.write(async (tx) => tx.sql('INSERT INTO t (v) VALUES (1)').run()),
    TypeError,
  )
  assert.deepEqual(db.read.sql('SELECT count(*) FROM t').get(), [0])
})

test('afterCommit runs after the commit, and not after a rollback', async (t) => {
  const db = openDatabase({ path: scratch(t), schemas: [schema] })
  t.after(() => db.close())
  const seen: unknown[] = []
  await db.write((tx) => {
    db.afterCommit(tx, () => seen.push(db.read.sql('SELECT count(*) FROM t').get()))
    tx.sql('INSERT INTO t (v) VALUES (1)').run()
  })
  await assert.rejects(
    db.write((tx) => {
      db.afterCommit(tx, () => seen.push('never'))
      throw new Error('no')
    }),
  )
  assert.deepEqual(seen, [[1]])
})

test('the reader cannot write', (t) => {
  const db = openDatabase({ path: scratch(t), schemas: [schema] })
  t.after(() => db.close())
  assert.throws(() => db.read.sql('DELETE FROM t').run())
})

test('steps run once; a database of a newer program is not touched', (t) => {
  const path = scratch(t)
  openDatabase({ path, schemas: [schema] }).close()
  const more: Schema = { room: 'test', steps: [...schema.steps, 'ALTER TABLE t ADD COLUMN w ANY'] }
  openDatabase({ path, schemas: [more] }).close()
  openDatabase({ path, schemas: [more] }).close()
  assert.throws(() => openDatabase({ path, schemas: [schema] }), NewerSchemaError)
})

test('two threads write in turns; a third database of another process waits for SQLite', async (t) => {
  const path = scratch(t)
  const memory = WriteTurn.memory()
  const one = openDatabase({ path, schemas: [schema], turn: new WriteTurn(memory, 1) })
  const two = openDatabase({ path, schemas: [schema], turn: new WriteTurn(memory, 2), migrated: true })
  const other = openDatabase({ path, schemas: [schema], migrated: true })
  t.after(() => [one, two, other].map((db) => db.close()))
  const writers = [one, two, other].flatMap((db) =>
    Array.from({ length: 50 }, () => db.write((tx) => tx.sql('INSERT INTO t (v) VALUES (1)').run())),
  )
  await Promise.all(writers)
  assert.deepEqual(one.read.sql('SELECT count(*) FROM t').get(), [150])
})

test('the turn of a thread that died is given up, served or not', async () => {
  const memory = WriteTurn.memory()
  const [first, dead, last] = [1, 2, 3].map((thread) => new WriteTurn(memory, thread))
  assert.ok(first !== undefined && dead !== undefined && last !== undefined)
  await first.take()
  dead.take().catch(() => {}) // drawn; what comes of it nobody sees
  await Promise.resolve()
  const lastTurn = last.take()
  const buried = first.bury(2)
  first.release()
  await buried
  await lastTurn
  last.release()
  await new WriteTurn(memory, 2).take() // a thread restarted under the same number
  await first.bury(2) // died while served
  await last.take()
  last.release()
})
