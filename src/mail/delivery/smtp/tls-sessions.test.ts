import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TlsFacts } from '../../../io/net/mod.ts'
import { TlsSessions } from './tls-sessions.ts'

test('sessions are known until their time is over, and only so many', () => {
  const sessions = new TlsSessions(2)
  const facts = {} as TlsFacts // it is only kept
  for (const [i, key] of ['a', 'b', 'c'].entries()) sessions.set(key, { ticket: Buffer.from(key), facts }, 100 + i)
  const known = (nowMs: number): string =>
    ['a', 'b', 'c'].map((key) => sessions.get(key, nowMs)?.ticket.toString() ?? '-').join('')
  assert.equal(known(0), '-bc', 'the first makes room')
  assert.equal(known(101), '--c')
  sessions.clear()
  assert.equal(known(0), '---')
})
