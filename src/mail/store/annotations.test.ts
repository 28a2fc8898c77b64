import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ACCOUNT, openTestStore } from './testing.ts'

test('one annotation is found by its entry, in any letter case', async (t) => {
  const { store } = await openTestStore(t)
  const at = (entry: string, mailbox = '', account = ACCOUNT): string | undefined =>
    store.annotation(account, mailbox, entry)?.toString()
  const set = (entry: string, value: string | undefined, mailbox = ''): Promise<unknown> =>
    store.setAnnotations(ACCOUNT, mailbox, [{ entry, value: value === undefined ? undefined : Buffer.from(value) }])
  await set('/private/Filters/values/One', 'SEEN')
  await set('/shared/comment', 'for all', 'INBOX')
  await set('/private/empty', '')
  assert.equal(at('/private/filters/VALUES/one'), 'SEEN')
  assert.equal(at('/private/filters/values/one', 'INBOX'), undefined)
  assert.equal(at('/private/filters/values/one', '', ACCOUNT + 1), undefined)
  assert.equal(at('/SHARED/comment', 'inbox'), 'for all')
  assert.equal(at('/private/comment', 'Nowhere'), undefined)
  assert.equal(at('/private/empty'), '')
  await set('/private/filters/values/one', undefined)
  assert.equal(at('/private/filters/values/one'), undefined)
})
