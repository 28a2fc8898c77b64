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
import { EventFilters } from './event-filters.ts'
import { listedMailboxes } from './listed.ts'
import { nameNews, statusItems } from './notify-events.ts'
import { otherUsersPrefix, placeOf, rightsAt, sharedPrefix } from './places.ts'
import { printName } from './printing.ts'
import type { Session } from './session.ts'
import { SharedWatch } from './shared-watch.ts'

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

export class Notifications {
  /** undefined: nothing is told of it but what the client does itself. */
  readonly ofSelected: OfSelected | undefined
  readonly #session: Session
  readonly #filters: EventFilters
  readonly #ofServer: boolean
  readonly #watch: MailboxWatch | undefined
  /** Of mailboxes of others, where some are meant. */
  readonly #shared: SharedWatch | undefined
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
    this.#filters = new EventFilters(
      others,
      (name) => placeOf(session, name)?.account === session.owner,
      (name) => (this.#subscribed ??= this.#lookUpSubscribed()).has(name),
    )
    this.#ofServer = others.some(({ events }) => events.has('ServerMetadataChange'))
    const { store } = session.deps
    const wakes = selected !== undefined || others.some(({ events }) => hasMetadata(events))
    if (others.some(({ events }) => hasMetadata(events))) session.metadataNews.follow(session.owner)
    this.#stop = wakes ? store.onChange(session.owner, () => session.news.come()) : undefined
    if (others.some(({ events }) => hasMailboxes(events)))
      this.#watch = store.watchMailboxes(session.owner, namesOf(others), (news) => this.#hear(news))
    const foreign = foreignOf(session, others)
    if (foreign !== undefined)
      this.#shared = new SharedWatch(session, foreign, (changes) => this.#hear({ changes, subscriptions: [] }))
  }

  end(): void {
    this.#watch?.stop()
    this.#shared?.stop()
    this.#stop?.()
  }

  /** Events of a mailbox that is not selected, by the name that the client has for it. */
  eventsOf(name: string): ReadonlySet<NotifyEvent> {
    return this.#filters.eventsOf(name)
  }

  /** @param mailbox `''` is the server, which belongs to no mailbox */
  wantsMetadata(mailbox: string): boolean {
    if (mailbox !== '') return this.eventsOf(mailbox).has('MailboxMetadataChange')
    return this.#ofServer
  }

  /** §3.1: what is asked for and may be listed, but not looked into. */
  tellNoAccess(): void {
    for (const { readable, selectable, shown } of listedMailboxes(this.#session).values())
      if (selectable && !readable && this.eventsOf(shown).size > 0)
        this.#session.output.line(`* LIST (\\NoAccess) "/" ${printName(this.#session, shown)}`)
  }

  /** STATUS of all mailboxes whose messages are watched (§3.1). */
  async tellStatus(): Promise<void> {
    const { output, selected } = this.#session
    for (const place of listedMailboxes(this.#session).values()) {
      const events = this.eventsOf(place.shown)
      if (!place.readable || place.shown === selected?.name || !events.has('MessageNew')) continue
      const modSeq = events.has('FlagChange') ? ['HIGHESTMODSEQ'] : []
      const line = statusLine(this.#session, place, ['UIDVALIDITY', 'UIDNEXT', 'MESSAGES', ...modSeq])
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
      const place = items.length > 0 ? placeOf(this.#session, change.after.name) : undefined
      if (place === undefined || rightsAt(this.#session, place)?.includes('r') !== true) continue
      const line = statusLine(this.#session, place, items)
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
    this.#shared?.look()
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

/** Accounts of others whose mailboxes are named; undefined: none can be meant. */
function foreignOf(session: Session, groups: readonly EventGroup[]): ReadonlySet<number> | undefined {
  const prefixes = [otherUsersPrefix(session), sharedPrefix(session)].filter((prefix) => prefix !== '')
  const isForeign = (name: string): boolean =>
    prefixes.some((prefix) => name === prefix || name.startsWith(`${prefix}/`) || prefix.startsWith(`${name}/`))
  let isMeant = false
  const accounts = new Set<number>()
  for (const { events, mailboxes } of groups) {
    if (!hasMailboxes(events)) continue
    if (mailboxes.filter === 'subscribed') isMeant ||= prefixes.length > 0
    if (!('names' in mailboxes)) continue
    for (const name of mailboxes.names.map(canonicalName).filter(isForeign)) {
      isMeant = true
      const account = placeOf(session, name)?.account
      if (account !== undefined && account !== session.owner) accounts.add(account)
    }
  }
  return isMeant ? accounts : undefined
}
