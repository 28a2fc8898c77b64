import assert from 'node:assert/strict'
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { openDatabase } from './database.ts'
import { SnapshotError, startSnapshot } from './snapshot.ts'

const SCHEMA = {
  room: 'test',
  steps: ['CREATE TABLE pair (id INTEGER PRIMARY KEY, a BLOB NOT NULL, b INTEGER NOT NULL) STRICT'],
}

function world(t: { after(done: () => void): void }): { dir: string; db: ReturnType<typeof openDatabase> } {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-snapshot-'))
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [SCHEMA] })
  t.after(() => {
    db.close()
    rmSync(dir, { recursive: true })
  })
  return { dir, db }
}

test('a snapshot is one moment of a database that is written to all the while', async (t) => {
  const { dir, db } = world(t)
  await db.write((tx) => {
    for (let i = 0; i < 2000; i++) tx.sql('INSERT INTO pair (a, b) VALUES (?, 0)').run(Buffer.alloc(2000))
  })
  db.checkpoint()
  const to = join(dir, 'copy.db')
  const run = startSnapshot(db.path, to)
  const { made } = run
  let over = false
  void made.then(() => (over = true))
  let writes = 0
  while (!over) {
    // Both rows or none: a copy that is more than one moment tells them apart.
    await db.write((tx) => tx.sql('UPDATE pair SET b = b + 1 WHERE id = 1 OR id = 2000').run())
    writes++
    await new Promise(setImmediate)
  }
  assert.ok(writes > 1)
  assert.equal(await made, statSync(to).size)
  assert.equal(run.progress().done, run.progress().total)
  assert.equal(statSync(to).mode & 0o777, 0o600)
  const copy = new DatabaseSync(to, { readOnly: true })
  const rows = copy.prepare('SELECT b FROM pair WHERE id IN (1, 2000)').all()
  copy.close()
  assert.equal(rows[0]?.['b'], rows[1]?.['b'])
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('copy')),
    ['copy.db'],
  )
})

test('a snapshot that is stopped, or of something damaged, leaves nothing', async (t) => {
  const { dir, db } = world(t)
  await db.write((tx) => {
    for (let i = 0; i < 500; i++) tx.sql('INSERT INTO pair (a, b) VALUES (?, 0)').run(Buffer.alloc(2000, 1))
  })
  const to = join(dir, 'copy.db')
  const stopped = startSnapshot(db.path, to)
  stopped.stop()
  await assert.rejects(
    stopped.made,
    (error: unknown) => error instanceof SnapshotError && /stopped/.test(error.message),
  )
  assert.equal(existsSync(to), false)

  const damaged = join(dir, 'damaged.db')
  await startSnapshot(db.path, damaged).made
  const fd = openSync(damaged, 'r+')
  writeSync(fd, Buffer.alloc(64, 0xff), 0, 64, 4 * 4096)
  closeSync(fd)
  await assert.rejects(startSnapshot(damaged, to).made, SnapshotError)
  writeFileSync(damaged, 'no database')
  await assert.rejects(startSnapshot(damaged, to).made, /not a database/)
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.startsWith('copy')),
    [],
  )
})
