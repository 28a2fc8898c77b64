/** Sending limits: tables of what was sent when, with a clock of the test's own. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '../../../base/mod.ts'
import { openDatabase } from '../../../io/db/mod.ts'
import { HELD_MAX, SendingLimits, sendingOwner } from './limits.ts'
import type { SendingSettings } from './params.ts'
import { sendingSchema } from './schema.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const OFF: SendingSettings = {
  account_hourly_message_limit: 0,
  account_daily_message_limit: 0,
  account_hourly_new_recipient_limit: 0,
  account_daily_new_recipient_limit: 0,
  account_sending_limit_exceptions: [],
}

function setUp(t: TestContext, cf: Partial<SendingSettings>) {
  const db = openDatabase({ path: ':memory:', schemas: [sendingSchema] })
  t.after(() => db.close())
  const clock = manualClock()
  const limits = new SendingLimits(db, clock, { ...OFF, ...cf })
  let n = 0
  const send = async (recipients: string, owner = '1', mayHold = true): Promise<string> => {
    const outgoing = { owner, queueId: `Q${++n}`, recipients: recipients.split(' '), mayHold }
    const answer = await limits.ask(outgoing)
    return answer.verdict === 'ok' ? 'ok' : `${answer.verdict}: ${answer.over}${answer.tell ? ', tell' : ''}`
  }
  return { limits, clock, send, db }
}

test('messages of an hour and a day', async (t) => {
  const { limits, clock, send } = setUp(t, { account_hourly_message_limit: 2, account_daily_message_limit: 3 })
  assert.equal(limits.isOn, true)
  assert.equal(await send('a@x'), 'ok')
  assert.equal(await send('a@x'), 'ok')
  assert.equal(await send('a@x'), 'hold: more than 2 messages in an hour, tell')
  assert.equal(await send('a@x'), 'hold: more than 2 messages in an hour', 'people are told once')
  assert.equal(await send('a@x', '2'), 'ok', 'another account')
  assert.equal(await send('a@x', '1', false), 'refuse: more than 2 messages in an hour')
  assert.deepEqual(limits.state('1'), {
    hour: { messages: 2, newRecipients: 0 },
    day: { messages: 2, newRecipients: 0 },
    held: ['Q3', 'Q4'],
  })
  clock.advance(HOUR)
  assert.equal(await send('a@x'), 'ok')
  assert.equal(await send('a@x'), 'hold: more than 3 messages in a day')
  await limits.release('1')
  assert.deepEqual(limits.state('1').held, [])
  assert.equal(await send('a@x'), 'ok')
  clock.advance(DAY)
  for (const _ of [1, 2]) assert.equal(await send('a@x'), 'ok')
  assert.equal(await send('a@x'), 'hold: more than 2 messages in an hour, tell')
})

test('recipients that were not written to for thirty days are new', async (t) => {
  const { limits, clock, send } = setUp(t, {
    account_hourly_new_recipient_limit: 3,
    account_daily_new_recipient_limit: 4,
  })
  assert.equal(await send('a@x b@x A@X'), 'ok')
  assert.equal(await send('c@x d@x'), 'hold: more than 3 new recipients in an hour, tell')
  assert.equal(await send('a@x b@x c@x'), 'ok', 'those before are known, and what was held counted nothing')
  assert.deepEqual(limits.state('1').hour, { messages: 2, newRecipients: 3 })
  clock.advance(HOUR)
  assert.equal(await send('d@x e@x'), 'hold: more than 4 new recipients in a day')
  assert.equal(await send('d@x'), 'ok')
  clock.advance(29 * DAY)
  assert.equal(await send('a@x b@x c@x d@x e@x f@x g@x'), 'ok', 'four are known')
  clock.advance(31 * DAY)
  assert.equal(await send('a@x b@x c@x d@x'), 'hold: more than 3 new recipients in an hour, tell')
})

test('a queue is not filled with what is held; other programs see the same', async (t) => {
  const { clock, send, db } = setUp(t, { account_hourly_message_limit: 1 })
  const owner = sendingOwner(undefined, 'Eva@else.example')
  assert.equal(owner, 'user eva@else.example')
  assert.equal(await send('a@x', owner), 'ok')
  for (let i = 0; i < HELD_MAX; i++) assert.match(await send('a@x', owner), /^hold/)
  assert.equal(await send('a@x', owner), 'refuse: more than 1 messages in an hour')
  assert.equal(new SendingLimits(db, clock, OFF).state(owner).held.length, HELD_MAX)
  const other = new SendingLimits(db, clock, OFF)
  assert.equal(other.isOn, false)
  await other.forget(owner)
  assert.deepEqual(other.state(owner).held, [])
})
