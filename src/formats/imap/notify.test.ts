import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { takeNotify } from './notify.ts'
import { takeSearch } from './search.ts'

const cursor = (text: string): Cursor => new Cursor(Buffer.from(text, 'latin1'))

test('takeNotify() reads groups of events in any letter case', () => {
  assert.equal(takeNotify(cursor('none')), 'NONE')
  const command = takeNotify(
    cursor('SET Status (SELECTED (MESSAGENEW (UID FLAGS) MessageExpunge)) (mailboxes ("a b" inbox) NONE)'),
  )
  assert.deepEqual(command, {
    status: true,
    groups: [
      {
        mailboxes: { filter: 'selected' },
        events: new Set(['MessageNew', 'MessageExpunge']),
        items: [{ item: 'UID' }, { item: 'FLAGS' }],
      },
      { mailboxes: { filter: 'mailboxes', names: ['a b', 'inbox'] }, events: new Set(), items: [] },
    ],
  })
})

test('UPDATE has items, with a blank before them or without', () => {
  for (const blank of [' ', '']) {
    const { returns, updateItems } = takeSearch(cursor(`RETURN (UPDATE${blank}(UID FLAGS) COUNT) ALL`), { saved: [] })
    assert.deepEqual(
      [returns, updateItems],
      [
        ['UPDATE', 'COUNT'],
        [{ item: 'UID' }, { item: 'FLAGS' }],
      ],
    )
  }
  for (const wrong of ['UPDATE ()', 'UPDATE (ALL)', 'UPDATE (UID', `UPDATE (${'UID '.repeat(100)}UID)`])
    assert.throws(() => takeSearch(cursor(`RETURN (${wrong}) ALL`), { saved: [] }), ImapError, wrong)
})

test('any octets are a command or refused', () => {
  const words = ['SET', 'NONE', ' ', 'STATUS', '(', ')', 'selected', 'subtree', 'personal', 'mailboxes', 'INBOX']
  const events = [
    'MessageNew',
    'MessageExpunge',
    'FlagChange',
    'MailboxName',
    'AnnotationChange',
    '(UID BODY[])',
    '{3}',
  ]
  const text = fc.oneof(
    fc.array(fc.constantFrom(...words, ...events), { maxLength: 20 }).map((all) => all.join(' ')),
    fc.array(fc.constantFrom(...words, ...events), { maxLength: 20 }).map((all) => `SET (${all.join('')}`),
    fc.uint8Array({ maxLength: 50 }).map((octets) => Buffer.from(octets).toString('latin1')),
  )
  fc.assert(
    fc.property(text, (line) => {
      try {
        takeNotify(cursor(line))
      } catch (error) {
        assert.ok(error instanceof ImapError, String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
