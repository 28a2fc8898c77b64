/** The message log on a disk that is pulled the plug of: nothing accepted is missing, nothing is there twice. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { trial } from './support/log-trial.ts'

for (let seed = 1; seed <= 30; seed++) {
  test(`what was accepted survives, once: seed ${seed}`, async (t) => {
    const dir = mkdtempSync(join(tmpdir(), 'postigo-world-'))
    t.after(() => rmSync(dir, { recursive: true }))
    assert.deepEqual(await trial(dir, seed), [])
  })
}
