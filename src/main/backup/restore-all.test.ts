import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { serverLockHolder, takeServerLock } from '../../io/db/mod.ts'
import { type DataPaths, refuseDamaged } from '../server/data-dir.ts'
import { restoreAll, type RestoreAllJob } from './restore-all.ts'

const GENERATION = '20261124T030405000Z'

/** A backup whose manifest is whole and names no database: the restore of it stops half way. */
function begun(t: TestContext): { job: RestoreAllJob; paths: DataPaths } {
  const top = mkdtempSync(join(tmpdir(), 'postigo-restore-'))
  t.after(() => rmSync(top, { recursive: true }))
  const at = join(top, 'backup', 'generations', GENERATION)
  mkdirSync(at, { recursive: true })
  const manifest = { format: 1, version: '0', madeMs: 0, files: [], segments: [], problems: [], leftOut: [] }
  writeFileSync(join(at, 'manifest.json'), JSON.stringify(manifest))
  writeFileSync(join(at, 'manifest.sha256'), hash('sha256', JSON.stringify(manifest)))
  const dir = join(top, 'data')
  // The other paths are not asked for.
  const paths = { dir, database: join(dir, 'mail.db'), log: join(dir, 'log') } as DataPaths
  const job = { dir: join(top, 'backup'), generation: GENERATION, paths, releaseQueue: false, nowMs: 0, progress() {} }
  return { job, paths }
}

test('where a restore was stopped no server takes in mail, which the next restore would delete', async (t) => {
  const { job, paths } = begun(t)
  await assert.rejects(restoreAll(job), /no mail\.db/)
  assert.throws(() => refuseDamaged(paths), /`postigo restore --all` begins it anew/)
  writeFileSync(join(paths.log, 'half'), '')
  assert.equal(serverLockHolder(paths.dir), undefined)
  await assert.rejects(restoreAll(job), /no mail\.db/)
  assert.equal(existsSync(join(paths.log, 'half')), false)
  assert.equal(existsSync(join(paths.dir, 'restore.lock')), false)
})

test('a restore touches nothing that a server, or another restore, has', async (t) => {
  const { job, paths } = begun(t)
  await assert.rejects(restoreAll(job), /no mail\.db/)
  writeFileSync(join(paths.log, 'half'), '')
  const lock = takeServerLock(paths.dir, join(paths.dir, 'restore.lock'))
  await assert.rejects(restoreAll(job), new RegExp(`process ${process.pid} has `))
  assert.equal(existsSync(join(paths.log, 'half')), true)
  lock.release()
})
