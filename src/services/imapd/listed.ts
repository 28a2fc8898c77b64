/** All mailboxes that a user may see, under the names that the client has for them. */
import { ALL_RIGHTS, type Rights } from '../../formats/imap/mod.ts'
import type { MailboxInfo } from '../../mail/store/mod.ts'
import { otherUsersPrefix, type Place, sharedPrefix, shownNames } from './places.ts'
import type { Session } from './session.ts'

export interface Listed extends Place {
  readonly specialUse: MailboxInfo['specialUse']
  readonly hasChildren: boolean
  readonly selectable: boolean
  /** Whether its content may be looked at. */
  readonly readable: boolean
  readonly rights: Rights
}

/** By shown name. Of others, those with the right `l`; an own mailbox hides another's of the same name. */
export function listedMailboxes(session: Session): Map<string, Listed> {
  const { owner, deps } = session
  const listed = new Map<string, Listed>()
  const own = deps.store.ownRights(owner)
  for (const info of deps.store.mailboxes(owner)) {
    const rights = own.get(info.id) ?? ALL_RIGHTS
    const readable = info.selectable && rights.includes('r')
    listed.set(info.name, { ...info, account: owner, shown: info.name, readable, rights })
  }
  const others = deps.store.sharedWith(owner).filter(({ rights }) => rights.includes('l'))
  if (others.length === 0) return listed
  const nameOf = shownNames(session)
  const shown = others.flatMap((mailbox) => {
    const name = nameOf(mailbox.account, mailbox.name)
    return name === undefined || listed.has(name) ? [] : [{ ...mailbox, shown: name }]
  })
  const parents = superiors(shown.map((mailbox) => mailbox.shown))
  for (const { account, name, shown: as, selectable, rights } of shown)
    listed.set(as, {
      account,
      name,
      shown: as,
      selectable,
      specialUse: undefined, // its owner's
      hasChildren: parents.has(as),
      readable: selectable && rights.includes('r'),
      rights,
    })
  return listed
}

/** Names that only stand above mailboxes of others: the prefixes, accounts, and mailboxes that the user may not see. */
export function namesAbove(session: Session, listed: ReadonlyMap<string, Listed>): string[] {
  const below = [...listed.values()].filter(({ account }) => account !== session.owner)
  return [...superiors(below.map(({ shown }) => shown))].filter((name) => !listed.has(name))
}

/** Every name above one of these. */
export function superiors(names: Iterable<string>): Set<string> {
  const above = new Set<string>()
  for (const name of names)
    for (let slash = name.lastIndexOf('/'); slash > 0; slash = name.lastIndexOf('/', slash - 1))
      above.add(name.slice(0, slash))
  return above
}

/** NAMESPACE's three: personal, other users', shared. RFC 2342 §5. */
export function namespaces(session: Session): readonly (string | undefined)[] {
  const below = (prefix: string): string | undefined => (prefix === '' ? undefined : `${prefix}/`)
  return ['', below(otherUsersPrefix(session)), below(sharedPrefix(session))]
}
