import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Session } from '../session.ts'
import { filterOf } from './metadata.ts'

test('a filter is looked up by its entry, and no other annotation is read', () => {
  const asked: unknown[] = []
  const annotation = (...args: unknown[]): Buffer => {
    asked.push(args)
    return Buffer.from('SEEN')
  }
  const session = { owner: 7, deps: { store: { annotation } } } as unknown as Session // all that is used of it
  assert.equal(filterOf(session, 'f')?.toString(), 'SEEN')
  assert.deepEqual(asked, [[7, '', '/private/filters/values/f']])
})
