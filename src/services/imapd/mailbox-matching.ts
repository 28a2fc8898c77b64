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
      const roots = new Set(source.names.map(canonicalName))
      const levels = source.filter === 'subtree-one' ? 2 : undefined
      return (name) =>
        aboveAndItself(name)
          .slice(0, levels)
          .some((above) => roots.has(above))
    }
    case 'selected':
    case 'selected-delayed':
      return () => false
    default:
      return source satisfies never
  }
}

/** The name, the one above it, and so on. */
export function aboveAndItself(name: string): string[] {
  const names = [name]
  for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1))
    names.push(name.slice(0, slash))
  return names
}
