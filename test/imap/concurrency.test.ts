/** Sessions that change one mailbox at once agree with each other and with a model (test/support/imap-model.ts). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crowd } from '../support/imap-crowd.ts'
import type { Model } from '../support/imap-model.ts'
import { install } from '../support/process.ts'
import { startServer } from '../support/server.ts'

const goesOn = (steps: number): boolean => steps < 500

function agrees(model: Model): void {
  assert.deepEqual(model.problems, [], `${model.problems.slice(0, 3).join('\n')}\n${model.trace}`)
  for (const what of ['append', 'store', 'copy', 'move', 'expunge', 'idle', 'noop', 'numbers', 'resynchronised'])
    assert.ok((model.counts.get(what) ?? 0) > 0, `${what}: ${model.counts.get(what)}`)
  assert.equal(model.counts.get('broken off'), undefined)
}

for (const seed of [1, 2])
  test(`twelve sessions on one mailbox agree with a model, seed ${seed}`, async (t) => {
    const server = await startServer(t, { accounts: ['ana'] })
    agrees(await crowd(t, { sessions: 12, seed, port: () => server.port('imap'), goesOn }))
    assert.doesNotMatch(server.log(), /fatal|panic|SERVERBUG/)
  })

test('so do they where two threads speak with them', async (t) => {
  const it = await install(t, 'front_threads = 2\nsingle_thread = no\n')
  await it.foreground()
  const added = await it.postigo(['account', 'add', 'ana', '-p'], 'secret\n')
  assert.equal(added.code, 0, added.err)
  agrees(await crowd(t, { sessions: 12, seed: 3, port: () => 143 + it.offset, goesOn }))
})
