/** Backups that are stopped anywhere while segments are written together and removed: `npm run stress:backup` kills whole processes. */
import assert from 'node:assert/strict'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { makeBackup } from '#src/main/backup/backup.ts'
import { generationsIn } from '#src/main/backup/manifest.ts'
import { BackupLife } from '../support/backup-life.ts'

class Stopped extends Error {}

/** A step more each time, a few of the many at the end. */
const STOPS = [1, 3, 8, 21, 55]

test('a backup stopped anywhere leaves the last one whole, and the next comes to its end', async (t) => {
  const life = await BackupLife.begin(t)
  const make = (stop: number): ReturnType<typeof makeBackup> => {
    let steps = 0
    const progress = (): void => {
      if (++steps === stop) throw new Stopped()
    }
    const { dir, data } = life
    return makeBackup({ dir, data, configDirectory: dirname(data.paths.dir), keep: 2, secrets: false, progress })
  }
  let kept: readonly string[] = [...life.kept]
  await make(0)
  let stopped = 0
  for (const stop of STOPS) {
    await life.untilMoreDied()
    const now = [...life.kept]
    try {
      assert.deepEqual((await make(stop)).verified.problems, [])
      kept = now
    } catch (error) {
      if (!(error instanceof Stopped)) throw error
      stopped++
    }
    life.check(kept)
  }
  kept = [...life.kept]
  await make(0)
  await life.end()
  life.check(kept)
  assert.ok(generationsIn(life.dir).length === 2)
  assert.ok(stopped > 1, `${stopped} were stopped`)
  assert.ok(life.died > 3, `${life.died} segments died`)
})
