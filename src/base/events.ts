/**
 * Events: what happened, as typed values. Rooms publish; `main` prints (maillog, JSON) and counts.
 *
 * Each room declares its own events as a union on `event` (`smtpd.connect`, `queue.sent` …) and publishes
 * them here; nobody else needs to be there for the code to work. Secrets and message content never enter one.
 */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'

/** The least an event has: its name, `room.what`. */
export interface PostigoEvent {
  readonly event: string
}

const NAME = 'postigo.event'
const events = channel(NAME)

/** Publishes an event to whoever listens in this thread; costs next to nothing when nobody does. */
export function publish<E extends PostigoEvent>(event: E): void {
  if (events.hasSubscribers) events.publish(event)
}

/** Calls `listener` with every event of this thread until the returned function is called. */
export function listen(listener: (event: PostigoEvent) => void): () => void {
  const onMessage = (message: unknown): void => listener(message as PostigoEvent) // only publish() writes to it
  subscribe(NAME, onMessage)
  return () => void unsubscribe(NAME, onMessage)
}
