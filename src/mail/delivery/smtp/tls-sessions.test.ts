import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TlsSessions } from './tls-sessions.ts'

test('sessions are known until their time is over, and only so many', () => {
  const sessions = new TlsSessions(2)
  for (const [i, key] of ['a', 'b', 'c'].entries()) sessions.set(key, Buffer.from(key), 100 + i)
  const known = (nowMs: number): string =>
    ['a', 'b', 'c'].map((key) => sessions.get(key, nowMs)?.toString() ?? '-').join('')
  assert.equal(known(0), '-bc', 'the first makes room')
  assert.equal(known(101), '--c')
  sessions.clear()
  assert.equal(known(0), '---')
})
