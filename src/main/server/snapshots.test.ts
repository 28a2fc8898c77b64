import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { listen, manualClock } from '#src/base/mod.ts'
import { openDatabase, startSnapshot } from '../../io/db/mod.ts'
import { Snapshots, type SnapshotParts } from './snapshots.ts'

const DAY_MS = 86_400_000

test('a snapshot a day, the last ones kept; one that fails is told, and tried again after an hour', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-snapshots-'))
  const paths = { database: join(dir, 'mail.db'), snapshots: join(dir, 'snapshots') }
  const db = openDatabase({ path: paths.database, schemas: [] })
  const clock = manualClock(Date.UTC(2026, 10, 24, 23, 59))
  const told: string[] = []
  const stop = listen(
    (event) => event.event === 'upkeep.snapshot-failed' && 'text' in event && told.push(String(event.text)),
  )
  t.after(() => {
    stop()
    db.close()
    rmSync(dir, { recursive: true })
  })
  let keep = 2
  let made = 0
  let from = paths.database
  const start: SnapshotParts['start'] = (_, to) => {
    made++
    return startSnapshot(from, to)
  }
  const snapshots = new Snapshots({ paths, clock, keep: () => keep, start })
  assert.deepEqual(snapshots.status(), {})
  await Promise.all([snapshots.look(), snapshots.look()])
  await snapshots.look()
  assert.equal(made, 1)
  clock.advance(60_000)
  await snapshots.look()
  clock.advance(DAY_MS)
  await snapshots.look()
  assert.deepEqual(readdirSync(paths.snapshots), ['mail-20261125.db', 'mail-20261126.db'])
  assert.equal(snapshots.status().file, 'mail-20261126.db')

  clock.advance(DAY_MS)
  from = join(dir, 'nothing')
  await snapshots.look()
  assert.equal(told.length, 1)
  assert.ok(snapshots.status().failed !== undefined)
  from = paths.database
  await snapshots.look()
  assert.equal(readdirSync(paths.snapshots).length, 2, 'not tried at once')
  clock.advance(3_600_000)
  await snapshots.look()
  assert.equal(snapshots.status().file, 'mail-20261127.db')
  assert.equal(snapshots.status().failed, undefined)

  clock.advance(DAY_MS)
  keep = 0
  await snapshots.look()
  assert.equal(snapshots.status().file, 'mail-20261127.db')
  await snapshots.stop()
})
