/** Bookkeeping of a client's tests. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Expiry, NEVER, Results, type Test } from './tests.ts'

const ENABLED: readonly Test[] = ['pregreet', 'dnsbl']

test('a client is new, or comes again; what ran out is tested anew', () => {
  const fresh = new Results(undefined, ENABLED, 100)
  assert.ok(fresh.isNew)
  assert.deepEqual([...fresh.todo], ENABLED)
  const known: Expiry = { ...NEVER, pregreet: 200, dnsbl: 100 }
  const again = new Results(known, ENABLED, 100)
  assert.ok(!again.isNew)
  assert.deepEqual([...again.todo], ['dnsbl'])
  assert.equal(new Results(known, ENABLED, 50).todo.size, 0)
  assert.equal(new Results(known, [...ENABLED, 'pipelining'], 50).todo.size, 1)
})

test('it is blessed and remembered when all is passed and nothing failed', () => {
  const results = new Results(undefined, ENABLED, 0)
  results.pass('pregreet', 1000)
  assert.equal(results.blessing, undefined)
  results.pass('dnsbl', 500)
  assert.equal(results.blessing, 'NEW')
  assert.deepEqual(results.remembered, { ...NEVER, pregreet: 1000, dnsbl: 500 })
  results.fail('dnsbl')
  assert.equal(results.blessing, undefined)
  assert.equal(results.remembered, undefined)
})

test('at an address where nobody is remembered, passing changes nothing', () => {
  const results = new Results(undefined, ['pregreet'], 0)
  results.pass('pregreet', 1000)
  results.unworthy = true
  assert.equal(results.blessing ?? results.remembered, undefined)
})

test('praise of the lists counts for all other tests, also those that are not done', () => {
  const results = new Results(undefined, [...ENABLED, 'pipelining'], 0)
  results.passAll(700)
  assert.deepEqual([...results.passed], ['pregreet', 'pipelining'])
  results.pass('dnsbl', 700)
  assert.equal(results.blessing, 'NEW')
  assert.deepEqual(results.remembered, { pregreet: 700, dnsbl: 700, pipelining: 700, nonSmtp: 700, bareNewline: 700 })
})
