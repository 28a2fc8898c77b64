/** Which mailboxes a filter means. RFC 5465 §6, RFC 7377 §2.2. */
import type { MailboxFilter } from '../../formats/imap/mod.ts'
import { canonicalName } from '../../mail/store/mod.ts'

/**
 * Whether a mailbox is among them, by the name that the client has for it. The selected mailbox is nobody's business here: it is looked at apart.
 * RFC 5465 §6.3: mail is delivered to any mailbox (a user's `mailbox_command` files it), so `inboxes` are all personal ones.
 */
export function matcherOfFilter(
  source: MailboxFilter,
  subscribed: () => ReadonlySet<string>,
  isOwn: (name: string) => boolean = () => true,
): (name: string) => boolean {
  switch (source.filter) {
    case 'personal':
    case 'inboxes':
      return isOwn
    case 'subscribed':
      return (name) => subscribed().has(name)
    case 'mailboxes': {
      const names = new Set(source.names.map(canonicalName))
      return (name) => names.has(name)
    }
    case 'subtree':
    case 'subtree-one': {
      const roots = source.names.map(canonicalName)
      return (name) => roots.some((root) => isBelow(name, root, source.filter === 'subtree-one'))
    }
    case 'selected':
    case 'selected-delayed':
      return () => false
    default:
      return source satisfies never
  }
}

function isBelow(name: string, root: string, oneLevel: boolean): boolean {
  if (name === root) return true
  return name.startsWith(`${root}/`) && !(oneLevel && name.includes('/', root.length + 1))
}
