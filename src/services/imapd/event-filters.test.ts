import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cursor, takeNotify } from '../../formats/imap/mod.ts'
import { EventFilters } from './event-filters.ts'

const filters = (text: string): EventFilters => {
  const command = takeNotify(new Cursor(Buffer.from(`SET ${text}`)))
  assert.notEqual(command, 'NONE')
  const groups = command === 'NONE' ? [] : command.groups
  return new EventFilters(
    groups,
    (name) => !name.startsWith('Shared'),
    (name) => name.endsWith('!'),
  )
}

test('a mailbox has the events of all groups that name it, and none where one says NONE', () => {
  const new_ = ['MessageNew', 'MessageExpunge']
  const table: readonly [string, string, readonly string[]][] = [
    ['(personal (MailboxName))', 'a', ['MailboxName']],
    ['(personal (MailboxName))', 'Shared/a', []],
    ['(inboxes (MailboxName)) (mailboxes (inbox b) (MessageNew MessageExpunge))', 'INBOX', [...new_, 'MailboxName']],
    ['(subtree a (MailboxName)) (subtree a/b (SubscriptionChange))', 'a/b/c', ['SubscriptionChange', 'MailboxName']],
    ['(subtree a (MailboxName))', 'ab', []],
    ['(subtree Shared (MailboxName))', 'Shared/x', ['MailboxName']],
    ['(subscribed (MailboxName))', 'Shared/x!', ['MailboxName']],
    ['(subscribed (MailboxName))', 'x', []],
    ['(personal (MailboxName)) (mailboxes Junk NONE)', 'Junk', []],
    ['(personal (MailboxName)) (subscribed NONE)', 'x!', []],
    ['(mailboxes a (MailboxName)) (personal NONE)', 'a', []],
    ['(mailboxes a (MailboxName)) (mailboxes a NONE)', 'a', []],
  ]
  for (const [text, name, events] of table)
    assert.deepEqual([...filters(text).eventsOf(name)], events, `${text} ${name}`)
})

test('what a name costs does not depend on how many were named', { timeout: 5000 }, () => {
  const names = Array.from({ length: 1000 }, (_, i) => `root${i}`).join(' ')
  const many = filters(Array.from({ length: 100 }, () => `(subtree (${names}) (MailboxName))`).join(' '))
  for (let i = 0; i < 100_000; i++) many.eventsOf(`root${i}/a/b/c`)
})
