/**
 * What a client that sent NOTIFY hears of mailboxes other than the selected one, and which events of the selected one.
 * RFC 5465. Changes are gathered by mailbox, the oldest state with the newest, and told when the session may speak; so
 * a client that does not read costs no more than its mailboxes. What the client did itself is taken out of them.
 */
import { type EventGroup, type FetchItem, isOfSelected, type NotifyEvent } from '../../formats/imap/mod.ts'
import {
  canonicalName,
  type MailboxChange,
  type MailboxId,
  type MailboxNews,
  type MailboxStanding,
  type MailboxWatch,
} from '../../mail/store/mod.ts'
import { listLines } from './commands/list.ts'
import { statusLine } from './commands/status.ts'
import { matcherOfFilter } from './mailbox-matching.ts'
import { nameNews, statusItems } from './notify-events.ts'
import { ownPlace } from './places.ts'
import type { Session } from './session.ts'

/** Mailboxes whose changes wait to be told, at the most: more is NOTIFICATIONOVERFLOW. */
export const CHANGES_LIMIT = 10_000
/** New messages that are fetched at once, at the most: more is NOTIFICATIONOVERFLOW. */
export const NEW_MESSAGES_LIMIT = 5000

/** Events of the selected mailbox. */
interface OfSelected {
  readonly flags: boolean
  /** EXPUNGE is told at any time, not only during commands that may have it. */
  readonly immediate: boolean
  readonly items: readonly FetchItem[]
}

const NOTHING: ReadonlySet<NotifyEvent> = new Set()

export class Notifications {
  /** undefined: nothing is told of it but what the client does itself. */
  readonly ofSelected: OfSelected | undefined
  readonly #session: Session
  readonly #groups: readonly { readonly events: ReadonlySet<NotifyEvent>; readonly has: (name: string) => boolean }[]
  readonly #watch: MailboxWatch | undefined
  readonly #stop: (() => void) | undefined
  readonly #changes = new Map<MailboxId, MailboxChange>()
  readonly #subscriptions = new Set<string>()
  #subscribed: ReadonlySet<string> | undefined
  /** The client has yet to hear that it hears no more. */
  #overflowed: boolean

  /** @param groups none: NOTIFY NONE */
  constructor(session: Session, groups: readonly EventGroup[], overflowed = false) {
    this.#session = session
    this.#overflowed = overflowed
    const selected = groups.find((group) => isOfSelected(group) && group.events.size > 0)
    this.ofSelected = selected && {
      flags: selected.events.has('FlagChange'),
      immediate: selected.mailboxes.filter === 'selected',
      items: selected.items,
    }
    const others = groups.filter((group) => !isOfSelected(group))
    const subscribed = (): ReadonlySet<string> => (this.#subscribed ??= this.#lookUpSubscribed())
    this.#groups = others.map(({ mailboxes, events }) => ({ events, has: matcherOfFilter(mailboxes, subscribed) }))
    const { store } = session.deps
    const wakes = selected !== undefined || others.some(({ events }) => hasMetadata(events))
    if (others.some(({ events }) => hasMetadata(events))) session.metadataNews.follow(session.owner)
    this.#stop = wakes ? store.onChange(session.owner, () => session.news.come()) : undefined
    if (others.some(({ events }) => hasMailboxes(events)))
      this.#watch = store.watchMailboxes(session.owner, namesOf(others), (news) => this.#hear(news))
  }

  end(): void {
    this.#watch?.stop()
    this.#stop?.()
  }

  /** Events of a mailbox that is not selected. A group with NONE takes its mailboxes out of all others. */
  eventsOf(name: string): ReadonlySet<NotifyEvent> {
    const groups = this.#groups.filter(({ has }) => has(name))
    if (groups.some(({ events }) => events.size === 0)) return NOTHING
    return new Set(groups.flatMap(({ events }) => [...events]))
  }

  /** @param mailbox `''` is the server, which belongs to no mailbox */
  wantsMetadata(mailbox: string): boolean {
    if (mailbox !== '') return this.eventsOf(mailbox).has('MailboxMetadataChange')
    return this.#groups.some(({ events }) => events.has('ServerMetadataChange'))
  }

  /** STATUS of all mailboxes whose messages are watched (§3.1). */
  async tellStatus(): Promise<void> {
    const { deps, owner, output, selected } = this.#session
    for (const { id, name, selectable } of deps.store.mailboxes(owner)) {
      const events = this.eventsOf(name)
      if (!selectable || id === selected?.mailbox || !events.has('MessageNew')) continue
      const modSeq = events.has('FlagChange') ? ['HIGHESTMODSEQ'] : []
      const line = statusLine(this.#session, ownPlace(owner, name), ['UIDVALIDITY', 'UIDNEXT', 'MESSAGES', ...modSeq])
      if (line !== undefined) output.line(line)
      if (output.full) await output.flush()
    }
  }

  tell(): void {
    if (this.#overflowed)
      this.#session.output.line('* OK [NOTIFICATIONOVERFLOW] Too many changes at once; send NOTIFY anew')
    this.#overflowed = false
    const changes = [...this.#changes.values()]
    this.#changes.clear()
    const subscriptions = [...this.#subscriptions]
    this.#subscriptions.clear()
    const names = nameNews(changes, (name) => this.eventsOf(name).has('MailboxName'))
    for (const name of subscriptions) if (!names.has(name)) names.set(name, undefined)
    for (const line of listLines(this.#session, names)) this.#session.output.line(line)
    const { condstore, output, selected } = this.#session
    for (const change of changes) {
      if (change.after === undefined || change.id === selected?.mailbox) continue
      const items = statusItems(change.before, change.after, this.eventsOf(change.after.name), condstore)
      const line =
        items.length > 0
          ? statusLine(this.#session, ownPlace(this.#session.owner, change.after.name), items)
          : undefined
      if (line !== undefined) output.line(line)
    }
  }

  #hear({ changes, subscriptions }: MailboxNews): void {
    if (subscriptions.length > 0) this.#subscribed = undefined
    for (const name of subscriptions)
      if (this.#subscriptions.has(name)) this.#subscriptions.delete(name)
      else if (this.eventsOf(name).has('SubscriptionChange')) this.#subscriptions.add(name)
    for (const change of changes) this.#note(change)
    if (this.#changes.size + this.#subscriptions.size > CHANGES_LIMIT) this.#session.news.overflow()
    else if (this.#changes.size + this.#subscriptions.size > 0) this.#session.news.come()
  }

  #note(change: MailboxChange): void {
    const known = this.#changes.get(change.id)
    const { before, after } = known === undefined ? change : { before: known.before, after: change.after }
    const names = [before?.name, after?.name].filter((name) => name !== undefined)
    const isNamed = before?.name !== after?.name || before?.selectable !== after?.selectable
    const concerned = isNamed ? [...names, ...names.flatMap(parentOf)] : names
    if (before === after || !concerned.some((name) => this.eventsOf(name).size > 0)) this.#changes.delete(change.id)
    else this.#changes.set(change.id, { id: change.id, before, after })
  }

  #lookUpSubscribed(): ReadonlySet<string> {
    return new Set(this.#session.deps.store.subscriptions(this.#session.owner))
  }

  /** The client put messages into a mailbox; to be called when they are there. */
  ownAdded(mailbox: string, count: number): void {
    const name = canonicalName(mailbox)
    this.#own(({ before, after }) => {
      if (before === undefined || after?.name !== name) return before
      return { ...before, uidNext: before.uidNext + count, messages: before.messages + count }
    })
  }

  /** The client made a mailbox, and those above that were missing. */
  ownCreated(mailbox: string): void {
    const name = canonicalName(mailbox)
    this.#own(({ before, after }) => {
      if (after === undefined || (after.name !== name && !name.startsWith(`${after.name}/`))) return before
      return before === undefined ? asMade(after) : { ...before, selectable: after.selectable }
    })
  }

  ownDeleted(mailbox: string): void {
    const name = canonicalName(mailbox)
    this.#own(({ before, after }) => {
      if (before?.name === name && after === undefined) return undefined
      // Its name stays for those below.
      return before === undefined && after?.name === name && !after.selectable ? after : before
    })
  }

  ownRenamed(mailbox: string, to: string): void {
    const from = canonicalName(mailbox)
    const name = canonicalName(to)
    if (from !== 'INBOX')
      this.#own(({ before }) => {
        if (before?.name !== from && before?.name.startsWith(`${from}/`) !== true) return before
        return { ...before, name: name + before.name.slice(from.length) }
      })
    this.ownCreated(to)
  }

  ownSubscribed(mailbox: string): void {
    this.#watch?.look()
    this.#subscriptions.delete(canonicalName(mailbox))
  }

  /** What the client knows to be so is what there was before. */
  #own(known: (change: MailboxChange) => MailboxStanding | undefined): void {
    this.#watch?.look()
    for (const change of this.#changes.values()) {
      const before = known(change)
      if (before === change.after) this.#changes.delete(change.id)
      else this.#changes.set(change.id, { ...change, before })
    }
  }
}

const asMade = (standing: MailboxStanding): MailboxStanding => ({ ...standing, uidNext: 1, messages: 0, unseen: 0 })

/** The name above, where there is one. */
function parentOf(name: string): string[] {
  const slash = name.lastIndexOf('/')
  return slash > 0 ? [name.slice(0, slash)] : []
}

const hasMetadata = (events: ReadonlySet<NotifyEvent>): boolean =>
  events.has('MailboxMetadataChange') || events.has('ServerMetadataChange')

const hasMailboxes = (events: ReadonlySet<NotifyEvent>): boolean =>
  events.has('MessageNew') || events.has('MailboxName') || events.has('SubscriptionChange')

/** The mailboxes alone that have to be looked at; undefined: all. */
function namesOf(groups: readonly EventGroup[]): readonly string[] | undefined {
  const names: string[] = []
  for (const { mailboxes, events } of groups) {
    if (!hasMailboxes(events)) continue
    const onlyMessages = !events.has('MailboxName') && !events.has('SubscriptionChange')
    if (mailboxes.filter !== 'mailboxes' || !onlyMessages) return undefined
    names.push(...mailboxes.names)
  }
  return names
}
