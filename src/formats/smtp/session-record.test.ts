import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SessionRecord } from './session-record.ts'

test('a record has both sides, no secrets, and only the last lines', () => {
  const record = new SessionRecord('server')
  record.reply({ code: 220, lines: ['hello'] })
  record.command('AUTH PLAIN AGEAYg==')
  record.reply({ code: 334, lines: [''] })
  record.command('c2VjcmV0')
  record.reply({ code: 235, enhanced: '2.7.0', lines: ['one', 'two'] })
  record.command('NOOP a\u0007b')
  assert.deepEqual(record.take(), [
    'Out: 220 hello',
    'In:  AUTH PLAIN …',
    'Out: 334',
    'In:  …',
    'Out: 235-2.7.0 one',
    'Out: 235 2.7.0 two',
    'In:  NOOP a?b',
  ])
  assert.deepEqual(record.take(), [])
  const client = new SessionRecord('client')
  client.reply({ code: 335, lines: ['a challenge to some'] })
  client.command('c2VjcmV0', true)
  assert.deepEqual(client.take(), ['In:  335 a challenge to some', 'Out: …'])
  for (let i = 0; i < 1200; i++) client.command(`NOOP ${i}`)
  assert.equal(client.length, 1000)
  assert.equal(client.take()[0], 'Out: NOOP 200')
})
