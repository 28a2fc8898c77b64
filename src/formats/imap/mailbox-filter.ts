/** Which mailboxes a command is about: `filter-mailboxes` of RFC 5465 §8 and RFC 7377 §4. */
import type { Cursor } from './cursor.ts'
import { decodeMailbox } from './mailbox-name.ts'

export type MailboxFilter =
  | { readonly filter: 'selected' | 'selected-delayed' | 'inboxes' | 'personal' | 'subscribed' }
  | { readonly filter: 'subtree' | 'subtree-one' | 'mailboxes'; readonly names: readonly string[] }

/** Names of one filter at the most. */
const NAMES_LIMIT = 1000

export function takeMailboxFilter(cursor: Cursor): MailboxFilter {
  const word = cursor.takeAtom().toLowerCase()
  switch (word) {
    case 'selected':
    case 'selected-delayed':
    case 'inboxes':
    case 'personal':
    case 'subscribed':
      return { filter: word }
    case 'subtree':
    case 'subtree-one':
    case 'mailboxes':
      cursor.takeSpace()
      return { filter: word, names: takeNames(cursor) }
    default:
      throw cursor.bad(`Unknown mailbox specifier ${word}`)
  }
}

/** `one-or-more-mailbox`. */
function takeNames(cursor: Cursor): string[] {
  const take = (): string => decodeMailbox(cursor.takeAString())
  if (cursor.peek() !== '(') return [take()]
  const names = cursor.takeList(take)
  if (names.length === 0) throw cursor.bad('Expected a mailbox')
  if (names.length > NAMES_LIMIT) throw cursor.bad('Too many mailboxes')
  return names
}
