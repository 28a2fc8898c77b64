/** NOTIFY's arguments: which events of which mailboxes. RFC 5465 §8. */
import type { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'
import { type FetchItem, takeFetchItems } from './fetch.ts'
import { type MailboxFilter, takeMailboxFilter } from './mailbox-filter.ts'

const EVENTS = [
  'MessageNew',
  'MessageExpunge',
  'FlagChange',
  'MailboxName',
  'SubscriptionChange',
  'MailboxMetadataChange',
  'ServerMetadataChange',
] as const

export type NotifyEvent = (typeof EVENTS)[number]

const MESSAGE_EVENTS: ReadonlySet<NotifyEvent> = new Set(['MessageNew', 'MessageExpunge', 'FlagChange'])

export interface EventGroup {
  readonly mailboxes: MailboxFilter
  /** Empty: NONE. */
  readonly events: ReadonlySet<NotifyEvent>
  /** What is fetched of a new message; of the selected mailbox only. */
  readonly items: readonly FetchItem[]
}

export type NotifyCommand = 'NONE' | { readonly status: boolean; readonly groups: readonly EventGroup[] }

/** Groups of one NOTIFY at the most. */
export const EVENT_GROUPS_LIMIT = 100

export function takeNotify(cursor: Cursor): NotifyCommand {
  if (cursor.skip('NONE')) return 'NONE'
  cursor.take('SET')
  const status = cursor.skip(' STATUS')
  const unknown: string[] = []
  const groups: EventGroup[] = []
  do {
    cursor.takeSpace()
    if (groups.length >= EVENT_GROUPS_LIMIT)
      throw new ImapError('NO', 'Too many groups of events', { code: 'NOTIFICATIONOVERFLOW' })
    groups.push(takeGroup(cursor, unknown))
  } while (cursor.peek() === ' ')
  // §3.1: NO, whatever else may be wrong with the list.
  if (unknown.length > 0)
    throw new ImapError('NO', 'Some events are not known', { code: `BADEVENT (${EVENTS.join(' ')})` })
  for (const group of groups) check(cursor, group)
  if (groups.filter(isOfSelected).length > 1) throw cursor.bad('The selected mailbox is named twice')
  return { status, groups }
}

export const isOfSelected = ({ mailboxes: { filter } }: EventGroup): boolean =>
  filter === 'selected' || filter === 'selected-delayed'

function takeGroup(cursor: Cursor, unknown: string[]): EventGroup {
  cursor.take('(')
  const mailboxes = takeMailboxFilter(cursor)
  if (mailboxes.filter === 'subtree-one') throw cursor.bad('subtree-one is not for NOTIFY')
  cursor.takeSpace()
  const events = new Set<NotifyEvent>()
  const items: FetchItem[] = []
  if (!cursor.skip('NONE')) {
    let empty = true
    cursor.takeList(() => {
      empty = false
      takeEvent(cursor, events, items, unknown)
    })
    if (empty) throw cursor.bad('Expected an event')
  }
  cursor.take(')')
  return { mailboxes, events, items }
}

function takeEvent(cursor: Cursor, events: Set<NotifyEvent>, items: FetchItem[], unknown: string[]): void {
  const word = cursor.takeAtom()
  const event = EVENTS.find((one) => one.toLowerCase() === word.toLowerCase())
  if (event === undefined) unknown.push(word)
  else if (events.has(event)) throw cursor.bad('An event is named twice')
  else events.add(event)
  if (event !== 'MessageNew') return
  if (cursor.rest.toString('latin1', 0, 2) === ' (') cursor.takeSpace()
  if (cursor.peek() === '(') items.push(...takeFetchItems(cursor))
}

/** §5, §6.1, and what §8 says in words. */
function check(cursor: Cursor, group: EventGroup): void {
  const { events, items } = group
  if (events.has('MessageNew') !== events.has('MessageExpunge'))
    throw cursor.bad('MessageNew and MessageExpunge go together')
  if (events.has('FlagChange') && !events.has('MessageNew'))
    throw cursor.bad('FlagChange needs MessageNew and MessageExpunge')
  if (isOfSelected(group)) {
    if (![...events].every((event) => MESSAGE_EVENTS.has(event)))
      throw cursor.bad('The selected mailbox has events of messages only')
  } else if (items.length > 0) throw cursor.bad('Items are fetched of the selected mailbox only')
}
