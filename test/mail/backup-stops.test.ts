/** Backups that are stopped anywhere while segments are written together and removed: `npm run stress:backup` kills whole processes. */
import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { dirname } from 'node:path'
import { test, type TestContext } from 'node:test'
import { makeBackup } from '#src/main/backup/backup.ts'
import { holdPath, isHeld, RENEW_EVERY_MS } from '#src/main/backup/holds.ts'
import { generationsIn } from '#src/main/backup/manifest.ts'
import type { ControlAnswer, ControlRequest } from '#src/main/server/control.ts'
import { BackupLife } from '../support/backup-life.ts'

class Stopped extends Error {}

/** Where the copy of the database alone takes longer than a hold lasts, it is renewed meanwhile. */
async function makeSlowly(t: TestContext, { dir, data }: BackupLife): Promise<void> {
  const { snapshots } = data.paths
  const now = performance.now.bind(performance)
  let held = ''
  const { mock } = t.mock.method(performance, 'now', () => now() + (held === '' ? 0 : RENEW_EVERY_MS))
  const ask = async (request: ControlRequest): Promise<ControlAnswer> => {
    const answer = await data.ask(request)
    if (!answer.ok || answer['state'] !== 'made') return answer
    held = holdPath(snapshots, String(request['id']))
    utimesSync(held, 1, 1)
    return answer
  }
  const progress = (what: string): void => {
    if (what === 'KiB of the database') assert.equal(isHeld(snapshots, Date.now()), true)
  }
  await makeBackup({
    dir,
    data: { ...data, ask },
    configDirectory: dirname(data.paths.dir),
    keep: 2,
    secrets: false,
    progress,
  })
  assert.notEqual(held, '')
  mock.restore()
}

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
  await makeSlowly(t, life)
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
