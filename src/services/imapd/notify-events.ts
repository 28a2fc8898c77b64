/** What changes of mailboxes come to: names that are told, and items of STATUS. RFC 5465 §5. */
import type { NotifyEvent } from '../../formats/imap/mod.ts'
import type { MailboxChange, MailboxStanding } from '../../mail/store/mod.ts'

/** Names to be listed; with the old one where a mailbox was renamed. */
export type NameNews = Map<string, string | undefined>

/** §5.4: what was made or removed and the name above it; what was renamed, but not what only follows it. */
export function nameNews(changes: readonly MailboxChange[], isWanted: (name: string) => boolean): NameNews {
  const names: NameNews = new Map()
  const renames = new Map<string, string>()
  for (const { before, after } of changes)
    if (before !== undefined && after !== undefined && before.name !== after.name) renames.set(before.name, after.name)
  const affected = (name: string): void => {
    const slash = name.lastIndexOf('/')
    for (const one of slash > 0 ? [name, name.slice(0, slash)] : [name])
      if (isWanted(one) && !names.has(one)) names.set(one, undefined)
  }
  for (const { before, after } of changes) {
    if (before === undefined || after === undefined) affected((before ?? after)?.name ?? '')
    else if (before.name === after.name) {
      if (before.selectable !== after.selectable) affected(after.name)
    } else if (!follows(renames, before.name, after.name) && (isWanted(before.name) || isWanted(after.name)))
      names.set(after.name, before.name)
  }
  return names
}

/** A mailbox above was renamed, and this one with it. */
function follows(renames: ReadonlyMap<string, string>, from: string, to: string): boolean {
  for (let slash = from.lastIndexOf('/'); slash > 0; slash = from.lastIndexOf('/', slash - 1)) {
    const above = renames.get(from.slice(0, slash))
    if (above !== undefined && to === above + from.slice(slash)) return true
  }
  return false
}

/** §5.1 to §5.3; none where there is nothing to tell. `modSeqs`: the client has enabled CONDSTORE. */
export function statusItems(
  before: MailboxStanding | undefined,
  after: MailboxStanding,
  events: ReadonlySet<NotifyEvent>,
  modSeqs: boolean,
): string[] {
  if (!after.selectable || !events.has('MessageNew')) return []
  const highest = modSeqs ? ['HIGHESTMODSEQ'] : []
  const flags = events.has('FlagChange')
  // Another mailbox than the one that had this name: its UIDVALIDITY is news.
  if (before?.name !== after.name || !before.selectable)
    return after.messages > 0 || flags ? ['UIDVALIDITY', 'UIDNEXT', 'MESSAGES', ...highest] : []
  const counts = before.uidNext !== after.uidNext || before.messages !== after.messages
  const items = counts || before.expungedModSeq !== after.expungedModSeq ? ['UIDNEXT', 'MESSAGES'] : []
  if (flags && before.changedModSeq !== after.changedModSeq) {
    if (before.unseen !== after.unseen) items.push('UNSEEN')
    if (modSeqs) items.push('UIDVALIDITY')
  }
  return items.length > 0 ? [...items, ...highest] : []
}
