import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '#src/base/mod.ts'
import { logSchema, reapDeadSegments, releaseContent, retainContent, SegmentLog } from '../../io/blobs/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import { generationName } from './manifest.ts'
import { hold, HOLD_MS, holdPath, isHeld, letGo, renewHold, snapshotPath, sweepHolds } from './holds.ts'

const ID = '0123456789abcdef0123456789abcdef'

test('while a backup holds the log no segment dies, and one that was killed holds nothing for long', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-holds-'))
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [logSchema] })
  t.after(() => {
    db.close()
    rmSync(dir, { recursive: true })
  })
  const log = new SegmentLog({ dir, db, clock: systemClock, memoryLimit: 1 << 20 })
  const draft = log.draft()
  await draft.write(Buffer.from('content'))
  const at = await log.commit('mail', draft, Buffer.alloc(0), (tx, place) => {
    retainContent(tx, place)
    return place
  })
  await log.close() // sealed
  await db.write((tx) => releaseContent(tx, at))
  const reap = (): Promise<number> => reapDeadSegments({ db, dir, isHeld: () => isHeld(dir, Date.now()) })

  hold(dir, ID)
  assert.equal(await reap(), 0)
  const old = (Date.now() - HOLD_MS - 1000) / 1000
  utimesSync(holdPath(dir, ID), old, old)
  renewHold(dir, ID)
  assert.equal(await reap(), 0)
  utimesSync(holdPath(dir, ID), old, old)
  assert.equal(isHeld(dir, Date.now()), false)
  writeFileSync(snapshotPath(dir, ID), 'left')
  const journal = join(dir, `backup-${ID}.db.partial-journal`)
  writeFileSync(journal, 'left')
  sweepHolds(dir, Date.now())
  assert.equal(existsSync(journal), false)
  assert.equal(existsSync(snapshotPath(dir, ID)), false)
  assert.throws(() => renewHold(dir, ID), /ENOENT/)
  letGo(dir, ID) // harmless
  assert.equal(await reap(), 1)
  assert.deepEqual(
    readdirSync(dir).filter((name) => name.endsWith('.log')),
    [],
  )
})

test('generations are named by their time, and each later than the last whatever the clock says', () => {
  const ms = Date.UTC(2026, 10, 24, 23, 59, 59, 999)
  assert.equal(generationName(ms), '20261124T235959999Z')
  assert.equal(generationName(ms - 5000, '20261124T235959999Z'), '20261125T000000000Z')
  assert.equal(generationName(ms + 2, '20261124T235959999Z'), '20261125T000000001Z')
})
