import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { NotifyEvent } from '../../formats/imap/mod.ts'
import type { MailboxChange, MailboxStanding } from '../../mail/store/mod.ts'
import { nameNews, statusItems } from './notify-events.ts'

const box = (name: string, some: Partial<MailboxStanding> = {}): MailboxStanding => ({
  id: 1,
  name,
  selectable: true,
  uidValidity: 1,
  uidNext: 5,
  highestModSeq: 9,
  changedModSeq: 3,
  expungedModSeq: 2,
  messages: 4,
  unseen: 1,
  ...some,
})

const change = (before: string | undefined, after: string | undefined): MailboxChange => ({
  id: 1,
  before: before === undefined ? undefined : box(before),
  after: after === undefined ? undefined : box(after),
})

test('nameNews() names what was made, removed and renamed, and what is above it', () => {
  const table: readonly [readonly MailboxChange[], readonly [string, string | undefined][]][] = [
    [[change(undefined, 'a')], [['a', undefined]]],
    [
      [change('a/b', undefined)],
      [
        ['a/b', undefined],
        ['a', undefined],
      ],
    ],
    [[change('a', 'b'), change('a/x', 'b/x'), change('a/x/y', 'b/x/y')], [['b', 'a']]],
    [
      [change('a', 'b'), change('a/x', 'c')],
      [
        ['b', 'a'],
        ['c', 'a/x'],
      ],
    ],
    [[change('a', 'a')], []],
  ]
  for (const [changes, names] of table) assert.deepEqual([...nameNews(changes, () => true)], names)
  assert.deepEqual([...nameNews([change('a', 'b')], (name) => name === 'a')], [['b', 'a']])
  assert.deepEqual([...nameNews([change('a/b', undefined)], (name) => name === 'a')], [['a', undefined]])
})

test('statusItems() has what the events are about, and MODSEQs where these are known', () => {
  const messages: ReadonlySet<NotifyEvent> = new Set(['MessageNew', 'MessageExpunge'])
  const flags: ReadonlySet<NotifyEvent> = new Set([...messages, 'FlagChange'])
  const anew = ['UIDVALIDITY', 'UIDNEXT', 'MESSAGES']
  const table: readonly [MailboxStanding | undefined, Partial<MailboxStanding>, ReadonlySet<NotifyEvent>, string[]][] =
    [
      [box('a'), { uidNext: 6, messages: 5 }, messages, ['UIDNEXT', 'MESSAGES']],
      [box('a'), { expungedModSeq: 8 }, messages, ['UIDNEXT', 'MESSAGES']],
      [box('a'), { changedModSeq: 8, unseen: 0 }, messages, []],
      [box('a'), { changedModSeq: 8, unseen: 0 }, flags, ['UNSEEN']],
      [box('a'), { changedModSeq: 8 }, flags, []],
      [box('a'), { uidNext: 6 }, new Set<NotifyEvent>(['MailboxName']), []],
      [undefined, {}, messages, anew],
      [undefined, { messages: 0 }, messages, []],
      [undefined, { messages: 0 }, flags, anew],
      [box('b'), {}, messages, anew],
      [box('a'), { uidNext: 6, selectable: false }, messages, []],
    ]
  for (const [before, some, events, items] of table)
    assert.deepEqual(statusItems(before, box('a', some), events, false), items)
  assert.deepEqual(statusItems(box('a'), box('a', { changedModSeq: 8 }), flags, true), ['UIDVALIDITY', 'HIGHESTMODSEQ'])
})
