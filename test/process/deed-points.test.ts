/**
 * A server killed between two writes of mail, APPEND, STORE, COPY, MOVE, EXPUNGE, RENAME, DELETE, SETACL, SETMETADATA, compaction and
 * reload: the short form of test/stress/deed-kills.ts, which looks at every place.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeedKills } from '../support/deed-kills.ts'

/** Places that are tried, out of about two hundred. */
const SAMPLE = 3

test('killed between two writes: what was said to be done is done, once', async (t) => {
  const kills = new DeedKills()
  t.after(() => kills.close())
  const whole = await kills.run(0)
  assert.deepEqual(whole.problems, [])
  assert.ok(whole.places > 100, `${whole.places} places`)
  for (let n = 0; n < SAMPLE; n++) {
    const { killed, problems } = await kills.run(1 + Math.floor(((n + 0.5) * whole.places) / SAMPLE))
    assert.deepEqual(problems, [], killed ?? 'not killed')
    assert.notEqual(killed, undefined)
  }
})
