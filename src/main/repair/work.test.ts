import assert from 'node:assert/strict'
import { existsSync, linkSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type DataPaths, refuseDamaged } from '../server/data-dir.ts'
import { beginWork, finishWork, markReady, repairWork, type RepairWork } from './work.ts'

const NOW = Date.UTC(2026, 10, 24, 3, 4, 5)
const KEPT = 'mail.db.damaged-20261124T030405Z'

function ready(t: TestContext): { paths: DataPaths; work: RepairWork; read: (name: string) => string | undefined } {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-work-'))
  t.after(() => rmSync(dir, { recursive: true }))
  // The other paths are not asked for.
  const paths = { dir, database: join(dir, 'mail.db'), log: join(dir, 'log') } as DataPaths
  writeFileSync(paths.database, 'damaged')
  writeFileSync(`${paths.database}-wal`, 'its WAL')
  writeFileSync(`${paths.database}-shm`, '')
  const work = repairWork(paths)
  beginWork(work)
  writeFileSync(work.target, 'new')
  assert.equal(markReady(paths, work, NOW), join(dir, KEPT))
  const read = (name: string): string | undefined =>
    existsSync(join(dir, name)) ? readFileSync(join(dir, name), 'latin1') : undefined
  return { paths, work, read }
}

/** What a stop leaves after each step of the exchange. */
const STOPS: Readonly<Record<string, (paths: DataPaths, work: RepairWork) => void>> = {
  'before it': () => {},
  'the old one has its other name': ({ dir, database }) => linkSync(database, join(dir, KEPT)),
  'its WAL, too': ({ dir, database }) => {
    linkSync(database, join(dir, KEPT))
    renameSync(`${database}-wal`, join(dir, `${KEPT}-wal`))
  },
  'the new one is there': ({ dir, database }, { target }) => {
    linkSync(database, join(dir, KEPT))
    renameSync(`${database}-wal`, join(dir, `${KEPT}-wal`))
    rmSync(`${database}-shm`)
    renameSync(target, database)
  },
}

for (const [name, stop] of Object.entries(STOPS))
  test(`the exchange is ended after a stop: ${name}`, (t) => {
    const { paths, work, read } = ready(t)
    stop(paths, work)
    assert.throws(() => refuseDamaged(paths), /`postigo repair` ends it/)
    assert.equal(finishWork(paths, work), join(paths.dir, KEPT))
    assert.deepEqual(['mail.db', 'mail.db-wal', 'mail.db-shm', KEPT, `${KEPT}-wal`].map(read), [
      'new',
      undefined,
      undefined,
      'damaged',
      'its WAL',
    ])
    assert.equal(finishWork(paths, work), undefined)
    refuseDamaged(paths)
  })

test('a database that has changed since is not exchanged', (t) => {
  const { paths, work, read } = ready(t)
  writeFileSync(paths.database, 'written to meanwhile')
  assert.equal(finishWork(paths, work), undefined)
  assert.deepEqual(['mail.db', KEPT].map(read), ['written to meanwhile', undefined])
})
