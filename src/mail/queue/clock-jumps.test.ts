/** The machine's clock set an hour or a year forward or back, while mail waits: none is lost, stuck or returned before its time. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { manualClock, type ManualClock, Wakeup } from '#src/base/mod.ts'
import { logSchema, SegmentLog } from '../../io/blobs/mod.ts'
import { parseConfig } from '../../io/config/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import type { Agent } from './contract.ts'
import { queueParams } from './params.ts'
import { QueueRunner } from './runner.ts'
import { queueSchema } from './schema.ts'
import { QueueStore } from './store.ts'

/** Only what goes wrong takes so long, or a machine with much else to do. */
async function until(what: string, holds: () => boolean): Promise<void> {
  for (let n = 0; n < 3000 && !holds(); n++) await new Promise((wake) => setTimeout(wake, 10))
  assert.ok(holds(), what)
}

const HOUR = 3_600_000
const YEAR = 365 * 24 * HOUR
const MAIN_CF =
  'maximal_queue_lifetime = 5d\nqueue_run_delay = 300s\nminimal_backoff_time = 300s\nmaximal_backoff_time = 4000s\n'

interface World {
  readonly clock: ManualClock
  readonly tried: number[]
  /** What became of the message: told of its end, or gone because it was delivered. */
  readonly ended: string[]
  answer: 'deferred' | 'sent'
  /** Time passes, in steps as the runner looks. */
  pass(ms: number): Promise<void>
  restart(): Promise<void>
}

async function world(t: TestContext): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-jump-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const db = openDatabase({ path: ':memory:', schemas: [logSchema, queueSchema] })
  const clock = manualClock()
  const log = new SegmentLog({ dir, db, memoryLimit: 0, clock })
  const config = parseConfig(MAIN_CF, new Map(Object.entries(queueParams)))
  const [tried, ended]: [number[], string[]] = [[], []]
  const agent: Agent = {
    deliver(job, report) {
      tried.push(clock.monotonic())
      for (const { id } of job.recipients)
        if (self.answer === 'sent') report(id, { status: 'sent', dsn: '2.0.0', text: 'ok' }, 'far.test')
        else report(id, { status: 'deferred', dsn: '4.2.0', text: 'not now' }, 'far.test')
      if (self.answer === 'sent') ended.push('sent')
      return Promise.resolve()
    },
  }
  const queued = new Wakeup(new SharedArrayBuffer(4))
  const make = (): QueueRunner => {
    const store = new QueueStore(db, log)
    const runner = new QueueRunner({
      store,
      clock,
      queued,
      agent,
      config: () => config,
      async notify(kind, recipients) {
        ended.push(kind)
        const reported = { queueId: 'Q1', recipients: recipients.map((one) => one.recipient.n) }
        if (kind === 'ended') await store.completeNow({ reported })
      },
    })
    runner.start()
    return runner
  }
  await db.write((tx) =>
    new QueueStore(db, log).enqueue(tx, {
      queueId: 'Q1',
      recordId: Buffer.alloc(16),
      at: { segment: 1, offset: 64, length: 10 },
      sender: 'ana@here.test',
      recipients: [{ address: 'x@far.test', original: '', transport: 'smtp', nexthop: 'far.test' }],
      arrivalMs: clock.now(),
      sizeOctets: 10,
      smtpUtf8: false,
      hold: false,
      prefix: Buffer.alloc(0),
      saslUsername: '',
    }),
  )
  let runner = make()
  t.after(() => runner.stop())
  const settle = async (): Promise<void> => {
    queued.notify()
    for (let n = 0; n < 3; n++) await new Promise((wake) => setTimeout(wake, 2))
  }
  const self: World = {
    clock,
    tried,
    ended,
    answer: 'deferred',
    async pass(ms) {
      for (let left = ms; left > 0; left -= 300_000) {
        clock.advance(Math.min(left, 300_000))
        await settle()
      }
    },
    async restart() {
      await runner.stop()
      runner = make()
      await settle()
    },
  }
  await until('it is tried', () => tried.length === 1)
  return self
}

for (const [name, jump] of [
  ['an hour back', -HOUR],
  ['a year back', -YEAR],
] as const)
  for (const isRestarted of [false, true])
    test(`${name}${isRestarted ? ', and a start' : ''}: mail goes on being tried, as often as before, and is not returned`, async (t) => {
      const queue = await world(t)
      await queue.pass(600_000)
      const before = queue.tried.length
      queue.clock.jump(jump)
      if (isRestarted) await queue.restart()
      await queue.pass(2 * HOUR)
      await until('it is tried', () => queue.tried.length > before)
      const more = queue.tried.length - before
      assert.ok(more <= 24, `${more} attempts in two hours`)
      assert.deepEqual(queue.ended, [])
      queue.answer = 'sent'
      await queue.pass(2 * HOUR)
      await until('it is sent', () => queue.ended.length > 0)
      assert.deepEqual(queue.ended, ['sent'])
    })

test('an hour forward: one attempt comes early, and nothing is returned', async (t) => {
  const queue = await world(t)
  queue.clock.jump(HOUR)
  await queue.pass(HOUR)
  await until('it is tried', () => queue.tried.length >= 2)
  assert.deepEqual(queue.ended, [])
})

test('a year forward: as in Postfix it is old then, and its sender is told; it is tried before', async (t) => {
  const queue = await world(t)
  queue.clock.jump(YEAR)
  await queue.pass(600_000)
  await until('its sender is told', () => queue.ended.length > 0)
  assert.equal(queue.tried.length, 2)
  assert.deepEqual(queue.ended, ['ended'])
  const other = await world(t)
  other.clock.jump(YEAR)
  other.answer = 'sent'
  await other.pass(600_000)
  await until('it is sent', () => other.ended.length > 0)
  assert.deepEqual(other.ended, ['sent'])
})

test('forward and back again within a run', async (t) => {
  const queue = await world(t)
  queue.clock.jump(YEAR)
  queue.clock.jump(-YEAR - HOUR)
  await queue.pass(2 * HOUR)
  await until('it is tried', () => queue.tried.length >= 2)
  assert.deepEqual(queue.ended, [])
})
