import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { manualClock } from '#src/base/mod.ts'
import { logSchema, SegmentLog } from '../../io/blobs/mod.ts'
import { parseConfig } from '../../io/config/mod.ts'
import { openDatabase } from '../../io/db/mod.ts'
import type { RecipientResult } from './contract.ts'
import { transportLimits } from './limits.ts'
import { Notifier } from './notifier.ts'
import { queueParams } from './params.ts'
import { Schedule } from './schedule.ts'
import { queueSchema } from './schema.ts'
import { QueueStore } from './store.ts'

const LATE: RecipientResult = { status: 'deferred', dsn: '4.3.0', text: 'not now' }

test('what ends while the sender is told of a delay is told of next', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-notifier-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const db = openDatabase({ path: ':memory:', schemas: [logSchema, queueSchema] })
  const store = new QueueStore(db, new SegmentLog({ dir, db, memoryLimit: 0 }))
  await db.write((tx) =>
    store.enqueue(tx, {
      queueId: 'Q1',
      recordId: Buffer.alloc(16),
      at: { segment: 1, offset: 64, length: 10 },
      sender: 'ana@here.test',
      recipients: [{ address: 'x@far.test', original: '', transport: 'smtp', nexthop: 'far.test' }],
      arrivalMs: 0,
      sizeOctets: 10,
      smtpUtf8: false,
      trace: 'deliver',
      hold: false,
      prefix: Buffer.alloc(0),
      saslUsername: '',
    }),
  )
  const recipient = store.newer(0, 1)[0]?.due.id ?? 0
  const config = parseConfig('', new Map(Object.entries(queueParams)))
  const said: string[] = []
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
  const notifier = new Notifier(
    {
      store,
      config: () => config,
      clock: manualClock(1000),
      async notify(kind, recipients) {
        said.push(kind)
        if (kind === 'delayed') await held
        const reported = { queueId: 'Q1', recipients: recipients.map((one) => one.recipient.n) }
        if (kind === 'ended') await store.completeNow({ reported })
      },
    },
    new Schedule(transportLimits(() => config)),
  )
  await store.settle(1, [{ recipient, result: LATE, next: { retryAtMs: 5000 }, expired: false }])
  const telling = notifier.afterDelivery(1)
  await store.settle(1, [{ recipient, result: LATE, next: 'report', expired: true }])
  await notifier.afterDelivery(1)
  letGo()
  await telling
  assert.deepEqual(said, ['delayed', 'ended'])
  assert.equal(store.exists(1), false)
})
