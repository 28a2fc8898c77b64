import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  beginRun,
  currentBootId,
  endRun,
  lastRun,
  openDatabase,
  serverLockHolder,
  ServerRunsError,
  takeServerLock,
} from './mod.ts'

function scratch(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-run-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

test('the last run: first, killed, clean, and cut off by the power', async (t) => {
  const db = openDatabase({ path: join(scratch(t), 'mail.db'), schemas: [] })
  t.after(() => db.close())
  assert.deepEqual(lastRun(db), { ended: 'first', sameBoot: false })
  await beginRun(db)
  assert.deepEqual(lastRun(db), { ended: 'killed', sameBoot: true })
  assert.deepEqual(lastRun(db, 'another boot'), { ended: 'power-cut', sameBoot: false })
  await endRun(db)
  assert.deepEqual(lastRun(db), { ended: 'clean', sameBoot: true })
  assert.deepEqual(lastRun(db, 'another boot'), { ended: 'clean', sameBoot: false })
  await beginRun(db, 'another boot')
  assert.deepEqual(lastRun(db, 'another boot'), { ended: 'killed', sameBoot: true })
})

test('a copy of the files counts as another boot', async (t) => {
  const dir = scratch(t)
  const path = join(dir, 'mail.db')
  const db = openDatabase({ path, schemas: [] })
  await beginRun(db)
  db.checkpoint()
  copyFileSync(path, join(dir, 'copy.db'))
  db.close()
  const copy = openDatabase({ path: join(dir, 'copy.db'), schemas: [] })
  t.after(() => copy.close())
  assert.deepEqual(lastRun(copy), { ended: 'power-cut', sameBoot: false })
})

test('the server lock names a living process', (t) => {
  const dir = scratch(t)
  const database = join(dir, 'mail.db')
  assert.equal(serverLockHolder(dir), undefined)
  const lock = takeServerLock(dir, database)
  assert.equal(serverLockHolder(dir), process.pid)
  assert.throws(() => takeServerLock(dir, database), ServerRunsError)
  lock.release()
  assert.equal(serverLockHolder(dir), undefined)
  takeServerLock(dir, database).release()
  assert.equal(existsSync(join(dir, 'server.lock')), false)
})

test('a lock of a process that ended, of a number that came round, of another boot, or torn, holds nobody up', (t) => {
  const dir = scratch(t)
  const path = join(dir, 'server.lock')
  const ended = spawnSync(process.execPath, ['-e', '']).pid
  const stale = [
    `${ended} 1 ${currentBootId()}\n`,
    `${process.pid} 1 ${currentBootId()}\n`,
    `${process.pid} 1 another-boot\n`,
    '',
    '12',
    'nonsense',
  ]
  for (const text of stale) {
    writeFileSync(path, text)
    assert.equal(serverLockHolder(dir), undefined, text)
    takeServerLock(dir, join(dir, 'mail.db')).release()
  }
})

test('two processes that start at once: one gets the directory', (t) => {
  const dir = scratch(t)
  openDatabase({ path: join(dir, 'mail.db'), schemas: [] }).close()
  const script = `
    const { takeServerLock, ServerRunsError } = await import(${JSON.stringify(join(import.meta.dirname, 'mod.ts'))})
    try { takeServerLock(${JSON.stringify(dir)}, ${JSON.stringify(join(dir, 'mail.db'))}); console.log('got') }
    catch (error) { console.log(error instanceof ServerRunsError ? 'refused' : String(error)) }
    // Each lives until all have tried, however slow the machine.
    const { readdirSync, writeFileSync } = await import('node:fs')
    writeFileSync(${JSON.stringify(join(dir, 'tried'))} + process.pid, '')
    const all = () => readdirSync(${JSON.stringify(dir)}).filter((name) => name.startsWith('tried')).length === 3
    const timer = setInterval(() => all() && clearInterval(timer), 20)
    setTimeout(() => clearInterval(timer), 20000).unref()`
  const shell = `for i in 1 2 3; do "$0" --input-type=module -e "$1" & done; wait`
  const { stdout } = spawnSync('sh', ['-c', shell, process.execPath, script], { encoding: 'utf8' })
  assert.deepEqual(stdout.trim().split('\n').toSorted(), ['got', 'refused', 'refused'])
})
