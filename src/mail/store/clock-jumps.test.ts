/** The machine's clock set back: what only rises goes on rising. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock, QueueIds } from '../../base/mod.ts'
import { ACCOUNT, testStores } from './testing.ts'

const YEAR = 365 * 24 * 3_600_000

test('UIDVALIDITY, UIDs and MODSEQs rise whatever the clock does', async (t) => {
  const clock = manualClock()
  const [one] = await testStores(t, 1, [], clock)
  assert.ok(one !== undefined)
  const seen: { uidValidity: number; modSeq: bigint; uid: number }[] = []
  for (const jump of [0, -3_600_000, -YEAR, YEAR, 2 * YEAR, -5 * YEAR]) {
    clock.jump(jump)
    await one.store.createMailbox(ACCOUNT, 'Again')
    await one.deposit('Again')
    const { uidValidity, modSeq } = await one.deposit('Again')
    const { uid } = await one.deposit('INBOX')
    seen.push({ uidValidity, modSeq, uid })
    await one.store.deleteMailbox(ACCOUNT, 'Again')
  }
  for (const [i, now] of seen.entries()) {
    const before = seen[i - 1] ?? { uidValidity: 0, modSeq: 0n, uid: 0 }
    assert.ok(now.uidValidity > before.uidValidity && now.modSeq > before.modSeq && now.uid > before.uid, `${i}`)
  }
})

test('queue ids are given once, also at a time that comes again', () => {
  const ids = new QueueIds(1)
  const given = new Set<string>()
  for (let n = 0; n < 20_000; n++) given.add(ids.next(1_700_000_000_000 + (n % 3)))
  assert.equal(given.size, 20_000)
})
