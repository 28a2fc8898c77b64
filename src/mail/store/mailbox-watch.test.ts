import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxNews } from './contract.ts'
import { ACCOUNT, testStores } from './testing.ts'

/** `INBOX+1`: a message more; `a>b`: renamed; `+a`, `-a`: made, removed; `~a`: subscribed or no more. */
function short({ changes, subscriptions }: MailboxNews): string {
  const words = changes.map(({ before, after }) => {
    if (before === undefined) return `+${after?.name}`
    if (after === undefined) return `-${before.name}`
    if (before.name !== after.name) return `${before.name}>${after.name}`
    return `${after.name}+${after.messages - before.messages}`
  })
  return [...words, ...subscriptions.map((name) => `~${name}`)].join(' ')
}

test('changes by another thread are told, once, as long as a watch lasts', async (t) => {
  const [one, two] = await testStores(t, 2)
  const all: string[] = []
  const some: string[] = []
  const watch = one!.store.watchMailboxes(ACCOUNT, undefined, (news) => all.push(short(news)))
  const named = one!.store.watchMailboxes(ACCOUNT, ['inbox'], (news) => some.push(short(news)))
  const look = (): string[] => {
    watch.look()
    return all.splice(0)
  }
  await two!.deposit()
  assert.deepEqual(look(), ['INBOX+1'])
  await two!.store.createMailbox(ACCOUNT, 'a/b')
  assert.deepEqual(look(), ['+a +a/b'])
  await two!.store.renameMailbox(ACCOUNT, 'a', 'c')
  assert.deepEqual(look(), ['a>c a/b>c/b'])
  await two!.store.setSubscribed(ACCOUNT, 'c', true)
  await two!.store.deleteMailbox(ACCOUNT, 'c/b')
  assert.deepEqual(look(), ['-c/b ~c'])
  assert.deepEqual(look(), [])
  watch.stop()
  some.length = 0
  await two!.store.createMailbox(ACCOUNT, 'd')
  named.look()
  assert.deepEqual(some, [])
  await two!.deposit('Sent')
  await two!.deposit()
  named.look()
  assert.deepEqual(some, ['INBOX+1'])
  // The feed wakes it without a look.
  const woken = new Promise<void>((resolve) => {
    const junk = one!.store.watchMailboxes(ACCOUNT, ['Junk'], () => {
      junk.stop()
      resolve()
    })
  })
  await two!.deposit('Junk')
  await woken
  named.stop()
})
