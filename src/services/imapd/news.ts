/** When a session that sent NOTIFY speaks without being asked: between commands and in IDLE, never amid what a command says. */
import type { FetchItem } from '../../formats/imap/mod.ts'
import { canonicalName, type Selected } from '../../mail/store/mod.ts'
import { Bye } from './errors.ts'
import { NewMessages } from './new-messages.ts'
import { NEW_MESSAGES_LIMIT, Notifications } from './notifications.ts'
import type { Session } from './session.ts'

export class News {
  readonly #session: Session
  readonly #newMessages: NewMessages
  /** A command is in progress, and not waiting in IDLE. */
  #busy = false
  #idling = false
  /** Something may be there to be told. */
  #isThere = false
  #tells = false

  constructor(session: Session) {
    this.#session = session
    this.#newMessages = new NewMessages(session)
  }

  /** A command speaks: what is to be told waits until `resume`. */
  async pause(): Promise<void> {
    this.#busy = true
    if (this.#session.notifications !== undefined) await this.#session.told // its lines are not interrupted
  }

  /** It has answered. */
  async resume(): Promise<void> {
    this.#busy = false
    await this.#session.output.flush()
    if (this.#isThere) await this.#tell()
  }

  /** Something to be told may have come. */
  come(): void {
    this.#isThere = true
    if (!this.#busy || this.#idling) void this.#tell()
  }

  /** IDLE: news are told until the returned function is called. */
  listen(): () => void {
    this.#idling = true
    if (this.#isThere) void this.#tell()
    return () => (this.#idling = false)
  }

  /** One round after the other, each when the client has taken what was said in the one before. */
  async #tell(): Promise<void> {
    if (this.#tells) return
    this.#tells = true
    const session = this.#session
    try {
      while (this.#isThere && !session.signal.aborted && (!this.#busy || this.#idling)) {
        this.#isThere = false
        const expunges = this.#idling || session.notifications?.ofSelected?.immediate === true
        await session.tell({ expunges, uids: true })
        await session.output.flush()
      }
    } catch (error) {
      session.bye(error instanceof Bye ? error.message : 'The mailbox cannot be followed any more')
    } finally {
      this.#tells = false
    }
  }

  /** RFC 5465 §5.8: too much to tell. The client hears no more than after NOTIFY NONE. */
  overflow(): void {
    const session = this.#session
    session.notifications?.end()
    session.notifications = new Notifications(session, [], true)
    this.come()
  }

  /** The client put these into a mailbox itself. */
  added(mailbox: string, uids: readonly number[]): void {
    const { contexts, notifications, selected } = this.#session
    notifications?.ownAdded(mailbox, uids.length)
    const follows = notifications !== undefined || !contexts.empty
    if (follows && selected?.name === canonicalName(mailbox)) this.#newMessages.own(uids)
  }

  /** Items of new messages by UID (RFC 5465 §7), with those that NOTIFY wants of them. */
  async fetch(selected: Selected, uids: readonly number[], items: readonly FetchItem[]): Promise<void> {
    if (uids.length === 0 || items.length === 0) return
    await this.#newMessages.fetch(selected, uids, [...items, ...(this.#session.notifications?.ofSelected?.items ?? [])])
  }

  /** RFC 5465 §5.2: what NOTIFY wants of messages that came since, and were not fetched for others yet. */
  async fetchArrived(selected: Selected, uidNext: number): Promise<void> {
    const items = this.#session.notifications?.ofSelected?.items ?? []
    if (items.length > 0 && selected.uidNext !== uidNext) {
      const first = selected.lowerBound(uidNext)
      const count = selected.count - first + 1
      if (count > NEW_MESSAGES_LIMIT) this.overflow()
      else
        await this.fetch(
          selected,
          Array.from({ length: count }, (_, i) => selected.uidAt(first + i)),
          items,
        )
    }
    this.#newMessages.end()
  }
}
