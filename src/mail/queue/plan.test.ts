import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RecipientResult } from './contract.ts'
import { planSettlements, retryAt, wantsReport } from './plan.ts'
import type { DueJob, JobRecipient } from './rows.ts'
import { verpSender } from './verp.ts'

const MINUTE = 60_000

test('a message waits as long again as it is old, between the bounds', () => {
  const cf = { minimal_backoff_time: 5 * MINUTE, maximal_backoff_time: 66 * MINUTE } as Parameters<typeof retryAt>[1] // all it reads
  const table: readonly (readonly [ageMinutes: number, waitMinutes: number])[] = [
    [0, 5],
    [4, 5],
    [10, 10],
    [40, 40],
    [600, 66],
    [-3, 5],
  ]
  for (const [age, wait] of table)
    assert.equal(retryAt(0, cf, age * MINUTE) - age * MINUTE, wait * MINUTE, `${age} min old`)
})

test('VERP senders as VERP_README has them', () => {
  const table: readonly (readonly [string, string, string, string])[] = [
    ['+=', 'owner-listname@origin', 'user@domain', 'owner-listname+user=domain@origin'],
    ['-=', 'list@origin', 'user', 'list-user@origin'],
    ['+=', '', 'user@domain', ''],
    ['+=', 'owner', 'a@b@domain', 'owner+a@b=domain'],
  ]
  for (const [delimiters, sender, recipient, expected] of table)
    assert.equal(verpSender(delimiters, sender, recipient), expected)
})

const recipient: JobRecipient = {
  id: 1,
  n: 0,
  address: 'a@x.test',
  original: '',
  transport: 'smtp',
  nexthop: 'x.test',
  status: '',
  reason: '',
  forced: false,
}
const sent: RecipientResult = { status: 'sent', dsn: '2.0.0', text: 'ok' }
const bounced: RecipientResult = { status: 'bounced', dsn: '5.1.1', text: 'no' }
const deferred: RecipientResult = { status: 'deferred', dsn: '4.4.1', text: 'later' }

test('who wants a report of what', () => {
  const table: readonly (readonly [JobRecipient['notify'], RecipientResult, boolean])[] = [
    [undefined, sent, false],
    [undefined, bounced, true],
    [['NEVER'], bounced, false],
    [['SUCCESS'], bounced, false],
    [['SUCCESS'], sent, true],
    [['SUCCESS'], { ...sent, dsnHandedOver: true }, false],
    [['FAILURE', 'DELAY'], sent, false],
    [['DELAY'], bounced, false],
  ]
  for (const [notify, result, wanted] of table)
    assert.equal(
      wantsReport({ ...recipient, notify }, result, { warned: true }, { confirm_delay_cleared: false }),
      wanted,
      `${notify?.join() ?? 'none'} ${result.status}`,
    )
  const quiet = { confirm_delay_cleared: false }
  assert.equal(wantsReport(recipient, sent, { trace: 'deliver', warned: false }, quiet), true)
  const cleared = { confirm_delay_cleared: true }
  assert.equal(wantsReport(recipient, sent, { warned: true }, cleared), true)
  assert.equal(wantsReport(recipient, sent, { warned: false }, cleared), false)
  assert.equal(wantsReport({ ...recipient, notify: ['FAILURE'] }, sent, { warned: true }, cleared), false)
  assert.equal(wantsReport({ ...recipient, notify: ['DELAY'] }, sent, { warned: true }, cleared), true)
})

test('what becomes of a recipient by its result and its age', () => {
  const cf = {
    minimal_backoff_time: MINUTE,
    maximal_backoff_time: 10 * MINUTE,
    maximal_queue_lifetime: 60 * MINUTE,
    bounce_queue_lifetime: 30 * MINUTE,
    soft_bounce: false,
  } as Parameters<typeof planSettlements>[2] // all it reads
  const plan = (result: RecipientResult | undefined, age: number, more: Partial<DueJob> = {}, soft_bounce = false) => {
    const job = {
      sender: 's@x.test',
      arrivalMs: 0,
      expire: false,
      recipients: [recipient],
      ...more,
    } as unknown as DueJob // as above
    const results = new Map(result === undefined ? [] : [[1, result]])
    const [settlement] = planSettlements(job, results, { ...cf, soft_bounce }, age * MINUTE)
    const next = settlement?.next
    return `${typeof next === 'object' ? 'again' : next}${settlement?.expired === true ? ' expired' : ''}`
  }
  assert.equal(plan(sent, 0), 'done')
  assert.equal(plan(bounced, 0), 'report')
  assert.equal(plan(bounced, 0, {}, true), 'again')
  assert.equal(plan(deferred, 59), 'again')
  assert.equal(plan(deferred, 60), 'report expired')
  assert.equal(plan(deferred, 31, { sender: '' }), 'report expired')
  assert.equal(plan(deferred, 0, { expire: true }), 'report expired')
  assert.equal(plan(deferred, 0, { trace: 'verify' }), 'report expired')
  assert.equal(plan(undefined, 0), 'again', 'an agent that says nothing')
})
