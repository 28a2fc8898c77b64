/** Which events of which mailboxes NOTIFY asked for. RFC 5465 §6. What a name costs does not depend on how many were named. */
import type { EventGroup, NotifyEvent } from '../../formats/imap/mod.ts'
import { canonicalName } from '../../mail/store/mod.ts'
import { aboveAndItself } from './mailbox-matching.ts'

type Events = ReadonlySet<NotifyEvent>

const NOTHING: Events = new Set()

/** What all groups of one kind say; one of them NONE takes its mailboxes out of all others. */
class Said {
  readonly events = new Set<NotifyEvent>()
  isNone = false

  add(events: Events): void {
    for (const event of events) this.events.add(event)
    this.isNone ||= events.size === 0
  }
}

export class EventFilters {
  readonly #personal = new Said()
  readonly #subscribed = new Said()
  readonly #names = new Map<string, Said>()
  readonly #subtrees = new Map<string, Said>()
  readonly #isOwn: (name: string) => boolean
  readonly #isSubscribed: (name: string) => boolean
  /** Some group is about subscribed mailboxes. */
  readonly #asksSubscribed: boolean

  /** @param groups without those of the selected mailbox */
  constructor(
    groups: readonly EventGroup[],
    isOwn: (name: string) => boolean,
    isSubscribed: (name: string) => boolean,
  ) {
    this.#isOwn = isOwn
    this.#isSubscribed = isSubscribed
    this.#asksSubscribed = groups.some(({ mailboxes: { filter } }) => filter === 'subscribed')
    for (const { events, mailboxes } of groups)
      if ('names' in mailboxes) {
        const by = mailboxes.filter === 'mailboxes' ? this.#names : this.#subtrees
        for (const name of mailboxes.names.map(canonicalName)) saidOf(by, name).add(events)
      } else (mailboxes.filter === 'subscribed' ? this.#subscribed : this.#personal).add(events)
  }

  /** @param name as the client has it */
  eventsOf(name: string): Events {
    const said = [this.#names.get(name), ...aboveAndItself(name).map((above) => this.#subtrees.get(above))]
    if ((this.#personal.isNone || this.#personal.events.size > 0) && this.#isOwn(name)) said.push(this.#personal)
    if (this.#asksSubscribed && this.#isSubscribed(name)) said.push(this.#subscribed)
    const all = new Set<NotifyEvent>()
    for (const one of said) {
      if (one?.isNone === true) return NOTHING
      for (const event of one?.events ?? []) all.add(event)
    }
    return all
  }
}

function saidOf(by: Map<string, Said>, name: string): Said {
  let said = by.get(name)
  if (said === undefined) by.set(name, (said = new Said()))
  return said
}
