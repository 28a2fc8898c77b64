import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { Fates } from './fates.ts'
import { deferred, type Failure } from './words.ts'

const recipients = [1, 2].map((id) => ({ id, address: `r${id}@x.test`, original: '', transport: 'smtp', nexthop: 'x' }))

interface Seen {
  readonly fates: Fates
  readonly told: string[]
  readonly notes: string[]
}

function start(): Seen {
  const [told, notes]: [string[], string[]] = [[], []]
  const job = { queueId: 'Q1', recipients } as unknown as DeliveryJob // nothing else of it is looked at
  const report = (id: number, result: RecipientResult, relay: string): void => {
    const isDown = result.status === 'deferred' && result.destinationDown === true
    told.push(`${id} ${result.status} ${result.text} ${relay}${isDown ? ' down' : ''}`)
  }
  return { fates: new Fates(job, report, (text) => notes.push(text)), told, notes }
}

const refused: Failure = { status: 'bounced', dsn: '5.7.1', text: 'no' }

test('what one server puts off, another may mend; the last word counts', () => {
  const { fates, told, notes } = start()
  const [first, second] = fates.open
  assert.ok(first !== undefined && second !== undefined)
  fates.settle(first, deferred('4.2.1', 'later'), false, 'one')
  fates.settle(second, refused, false, 'one')
  fates.fail(deferred('4.4.2', 'lost'), false, 'two')
  assert.deepEqual(told, ['2 bounced no one'])
  fates.giveUp(fates.last)
  assert.deepEqual(told.splice(1), ['1 deferred lost none down'])
  assert.deepEqual(notes, ['Q1: later', 'Q1: lost'])
  assert.ok(fates.isSettled)
})

test('a server that refuses for good ends all, one that nobody answered for nothing', () => {
  const { fates, told, notes } = start()
  fates.fail(deferred('4.4.1', 'connect to x: refused'), true, 'none')
  assert.deepEqual([told, notes], [[], ['connect to x: refused']])
  fates.fail(refused, false, 'two')
  assert.deepEqual(told, ['1 bounced no two', '2 bounced no two'])
})

test('the destination is down where no server heard the message out', () => {
  const words = (prepare: (fates: Fates) => void, failure = deferred('4.4.2', 'lost')): string[] => {
    const { fates, told } = start()
    prepare(fates)
    fates.fail(failure, true, 'one')
    return told
  }
  assert.deepEqual(
    words(() => {}),
    ['1 deferred lost one down', '2 deferred lost one down'],
  )
  const complete = (fates: Fates): void => void (fates.isComplete = true)
  assert.deepEqual(words(complete), ['1 deferred lost one', '2 deferred lost one'])
  const wish = { ...deferred('4.7.5', 'no TLS'), destinationDown: false }
  assert.deepEqual(
    words(() => {}, wish),
    ['1 deferred no TLS one', '2 deferred no TLS one'],
  )
})
