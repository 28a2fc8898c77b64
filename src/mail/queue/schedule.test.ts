import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseFeedback } from './feedback.ts'
import { Schedule, type Slice, type TransportLimits } from './schedule.ts'

const usual: TransportLimits = {
  initial: 2,
  limit: 20,
  positive: parseFeedback('0'),
  negative: parseFeedback('0'),
  failedCohortLimit: 1,
  processes: 0,
  recipients: 50,
  rateDelayMs: 0,
  transportRateDelayMs: 0,
  deadMs: 1000,
}

function scheduleOf(limits: Partial<TransportLimits> = {}): Schedule {
  return new Schedule(() => ({ ...usual, ...limits }))
}

let id = 0
function add(schedule: Schedule, message: number, domain: string, count = 1, transport = 'smtp'): void {
  for (let i = 0; i < count; i++) {
    id++
    schedule.add({ id, message, transport, nexthop: domain, sender: '', address: `u${id}@${domain}` })
  }
}

/** All that may go now. */
function takeAll(schedule: Schedule, nowMs = 0): Slice[] {
  const slices: Slice[] = []
  for (let slice; (slice = schedule.take(nowMs)) !== undefined;) slices.push(slice)
  return slices
}

const shape = (slices: readonly Slice[]): string[] => slices.map(({ message, ids }) => `${message}x${ids.length}`)

test('recipients of one message and destination go together, as many as the limit', () => {
  const schedule = scheduleOf()
  add(schedule, 1, 'a.test', 120)
  assert.deepEqual(shape(takeAll(schedule)), ['1x50', '1x50'])
  assert.equal(schedule.isActive(1), true)
})

test('messages take turns: a large mailing does not hold up a single message', () => {
  const schedule = scheduleOf({ processes: 4 })
  for (let i = 0; i < 1000; i++) add(schedule, 1, `d${i}.test`)
  const first = takeAll(schedule)
  assert.deepEqual(shape(first), ['1x1', '1x1', '1x1', '1x1'])
  add(schedule, 2, 'single.test')
  for (const slice of first.slice(0, 2)) schedule.done(slice, 'up', 0)
  assert.ok(shape(takeAll(schedule)).includes('2x1'))
})

test('at one busy destination too: the single message is next but one', () => {
  const schedule = scheduleOf()
  add(schedule, 1, 'a.test', 1000)
  const busy = takeAll(schedule)
  add(schedule, 2, 'a.test')
  schedule.done(busy[0]!, 'up', 0)
  const next = takeAll(schedule)
  schedule.done(busy[1]!, 'up', 0)
  assert.ok(shape([...next, ...takeAll(schedule)]).includes('2x1'))
})

test('a full destination lets others pass', () => {
  const schedule = scheduleOf({ recipients: 1 })
  const slow = new Schedule(() => usual)
  add(slow, 1, 'slow.test', 500)
  for (let i = 0; i < 20; i++) add(slow, 1, `fast${i}.test`)
  assert.equal(takeAll(slow).length, 2 + 20)
  add(schedule, 1, 'a.test', 3)
  assert.equal(takeAll(schedule).length, 3, 'with one recipient a delivery, each is a destination')
})

test('a dead destination: what waits for it is suspended, and tried again after a while', () => {
  const schedule = scheduleOf()
  add(schedule, 1, 'a.test', 300)
  const [one, two] = takeAll(schedule)
  schedule.done(one!, 'down', 0)
  schedule.done(two!, 'down', 0)
  const suspended = takeAll(schedule)
  assert.deepEqual(
    suspended.map((slice) => [slice.suspended, slice.ids.length]),
    [[true, 200]],
  )
  for (const slice of suspended) schedule.done(slice, 'unknown', 0)
  add(schedule, 2, 'a.test')
  assert.equal(takeAll(schedule, 999)[0]?.suspended, true)
  add(schedule, 3, 'a.test')
  assert.equal(takeAll(schedule, 1000)[0]?.suspended, false)
})

test('asked for by name, a dead destination is tried at once', () => {
  const schedule = scheduleOf({ initial: 1 })
  add(schedule, 1, 'a.test')
  schedule.done(takeAll(schedule)[0]!, 'down', 0)
  schedule.add(
    { id: 9_999_999, message: 2, transport: 'smtp', nexthop: 'a.test', sender: '', address: 'x@a.test' },
    true,
  )
  assert.equal(takeAll(schedule, 1)[0]?.suspended, false)
})

test('a rate delay: one at a time, and a wait between', () => {
  const schedule = scheduleOf({ rateDelayMs: 500, recipients: 1 })
  const direct = new Schedule(() => ({ ...usual, rateDelayMs: 500, recipients: 2 }))
  add(direct, 1, 'a.test', 4)
  const [first, ...none] = takeAll(direct, 0)
  assert.equal(none.length, 0)
  direct.done(first!, 'up', 10)
  assert.equal(takeAll(direct, 100).length, 0)
  assert.equal(direct.nextMs(0), 510)
  assert.equal(takeAll(direct, 510).length, 1)
  assert.equal(schedule.nextMs(0), undefined)
})

test('a transport rate delay counts for all destinations', () => {
  const schedule = scheduleOf({ transportRateDelayMs: 100 })
  add(schedule, 1, 'a.test')
  add(schedule, 1, 'b.test')
  assert.equal(takeAll(schedule, 0).length, 1)
  assert.equal(schedule.nextMs(0), 100)
  assert.equal(takeAll(schedule, 100).length, 1)
})

test('processes bound a transport, not the others', () => {
  const schedule = new Schedule((transport) => ({ ...usual, processes: transport === 'smtp' ? 3 : 0 }))
  for (let i = 0; i < 10; i++) add(schedule, i, `d${i}.test`)
  for (let i = 0; i < 10; i++) add(schedule, i, `d${i}.test`, 1, 'lmtp')
  assert.equal(takeAll(schedule).length, 13)
})

test('when all is done nothing is remembered', () => {
  const schedule = scheduleOf()
  add(schedule, 1, 'a.test', 3)
  for (const slice of takeAll(schedule)) schedule.done(slice, 'up', 0)
  assert.equal(schedule.size, 0)
  assert.equal(schedule.isActive(1), false)
})

test('recipients put back go by themselves', () => {
  const schedule = scheduleOf()
  add(schedule, 1, 'a.test', 3)
  let [slice] = takeAll(schedule)
  for (const one of slice!.ids.slice(1)) slice = schedule.putBack(slice!, [one])
  assert.equal(slice!.ids.length, 1)
  assert.deepEqual(shape(takeAll(schedule)), ['1x1'], 'the window has room for one more')
  schedule.done(slice!, 'up', 0)
  assert.deepEqual(shape(takeAll(schedule)), ['1x1'])
})

test('slow hosts do not hold all deliveries: a free one goes to the destination with the fewest', () => {
  const direct = new Schedule(() => ({ ...usual, processes: 10, initial: 10, recipients: 2 }))
  for (let i = 0; i < 20; i++) for (const domain of ['slow.test', 'fast.test']) add(direct, 1, domain, 2)
  const running = takeAll(direct)
  let fast = 0
  for (let i = 0; i < 15; i++) {
    const done = running.findIndex((slice) => slice.destination.key.includes('fast'))
    if (done < 0) break
    direct.done(running.splice(done, 1)[0]!, 'up', 0)
    fast++
    running.push(...takeAll(direct))
  }
  assert.equal(fast, 15, 'the fast host always has deliveries')
})

test('connections are kept while mail for a destination follows mail, and used up when it runs out', () => {
  const schedule = scheduleOf({ initial: 1, limit: 1 })
  const deliver = (fromMs: number, toMs: number): string => {
    const slice = schedule.take(fromMs)
    if (slice === undefined) return 'none'
    schedule.done(slice, 'up', toMs)
    return `${slice.connections.load ? 'load' : ''}${slice.connections.store ? ' store' : ''}`
  }
  for (let message = 1; message <= 5; message++) add(schedule, message, 'a.test')
  assert.equal(deliver(0, 100), '', 'the first has its own')
  assert.equal(deliver(100, 1900), 'load store')
  assert.equal(deliver(2900, 3000), 'load store', 'Postfix counts whole seconds')
  assert.equal(deliver(5000, 5100), 'load', 'a pause')
  assert.equal(deliver(6900, 7000), 'load store')
  add(schedule, 6, 'a.test')
  assert.equal(deliver(7000, 7100), '', 'the destination had nothing left, and is forgotten')
})

test('deliveries beside each other keep connections on, but do not turn it on', () => {
  const schedule = scheduleOf()
  for (let message = 1; message <= 5; message++) add(schedule, message, 'a.test')
  const first = takeAll(schedule, 0)
  assert.deepEqual(
    first.map(({ connections }) => connections.store),
    [false, false],
  )
  schedule.done(first[0]!, 'up', 500)
  const [second] = takeAll(schedule, 500)
  assert.equal(second?.connections.store, true)
  schedule.done(second!, 'up', 600)
  const [third] = takeAll(schedule, 9000)
  assert.equal(third?.connections.store, true, 'the first one still runs')
})

test('where each recipient is a destination, a user’s names share its concurrency', () => {
  const extensions = { delimiters: '+', ownerRequestSpecial: true, doubleBounceSender: 'double-bounce' }
  const schedule = scheduleOf({ recipients: 1, limit: 1, initial: 1, extensions })
  for (const [n, user] of ['ana', 'ana+a', 'Ana+b', 'eva'].entries())
    schedule.add({
      id: 9000 + n,
      message: 900 + n,
      transport: 'local',
      nexthop: 'x.test',
      sender: '',
      address: `${user}@x.test`,
    })
  const first = takeAll(schedule)
  assert.deepEqual(shape(first), ['900x1', '903x1'])
  schedule.done(first[0]!, 'up', 0)
  assert.deepEqual(shape(takeAll(schedule)), ['901x1'])
})
