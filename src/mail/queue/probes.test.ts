import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock, Wakeup } from '#src/base/mod.ts'
import { parseConfig } from '../../io/config/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import { probeParams } from './params.ts'
import { type ProbeResult, probeAsker, ProbeStore } from './probes.ts'
import { queueSchema } from './schema.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const GOOD: ProbeResult = { status: 'deliverable', text: 'fine' }
const BAD: ProbeResult = { status: 'undeliverable', text: 'nobody' }

interface World {
  readonly clock: ReturnType<typeof manualClock>
  readonly store: ProbeStore
  readonly ask: (address: string) => Promise<ProbeResult>
}

/** Nobody waits for an answer here: what is not known is `deferred`. */
function world(mainCf = ''): World {
  const clock = manualClock(1_000_000)
  const store = new ProbeStore(openDatabase({ path: ':memory:', schemas: [queueSchema] }))
  const cf = parseConfig(`address_verify_poll_delay = 0s\n${mainCf}`, new Map()).bind(probeParams)
  const queued = new Wakeup(new SharedArrayBuffer(4))
  return { clock, store, ask: probeAsker({ store, queued, clock, cf }) }
}

test('an answer counts for so long, and is asked for anew before', async () => {
  const table: [mainCf: string, answer: ProbeResult, refreshMs: number, expireMs: number][] = [
    ['', GOOD, 7 * DAY, 31 * DAY],
    ['', BAD, 3 * HOUR, 3 * DAY],
    ['address_verify_positive_refresh_time = 1h\naddress_verify_positive_expire_time = 2h\n', GOOD, HOUR, 2 * HOUR],
    ['address_verify_negative_refresh_time = 1h\naddress_verify_negative_expire_time = 2h\n', BAD, HOUR, 2 * HOUR],
  ]
  for (const [mainCf, answer, refreshMs, expireMs] of table) {
    const { clock, store, ask } = world(mainCf)
    assert.equal((await ask('x@far.test')).status, 'deferred')
    assert.deepEqual(store.wanted(9), ['x@far.test'])
    await store.put('x@far.test', answer, clock.now())
    clock.advance(refreshMs - 1)
    assert.deepEqual([(await ask('x@far.test')).status, store.wanted(9).length], [answer.status, 0], mainCf)
    clock.advance(1)
    assert.deepEqual([(await ask('x@far.test')).status, store.wanted(9).length], [answer.status, 1], mainCf)
    clock.advance(expireMs - refreshMs)
    assert.equal((await ask('x@far.test')).status, 'deferred', mainCf)
  }
})

test('address_verify_negative_cache: whether a refusal is believed at all', async () => {
  for (const [setting, status] of [
    ['yes', 'undeliverable'],
    ['no', 'deferred'],
  ] as const) {
    const { clock, store, ask } = world(`address_verify_negative_cache = ${setting}\n`)
    await ask('x@far.test')
    await store.put('x@far.test', BAD, clock.now())
    assert.equal((await ask('x@far.test')).status, status)
  }
})

test('address_verify_pending_request_limit: beyond it nobody is asked', async () => {
  const { store, ask } = world('address_verify_pending_request_limit = 2\n')
  const said = []
  for (const name of ['a', 'b', 'c']) said.push((await ask(`${name}@far.test`)).status)
  assert.deepEqual(said, ['deferred', 'deferred', 'failed'])
  assert.equal(store.wanted(9).length, 2)
})
