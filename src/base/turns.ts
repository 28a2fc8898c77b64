/** A thread's work is cut in pieces, so that whoever waits for little waits for a piece at the most. */
import type { Clock } from './clock.ts'

/** Others have their turn after so much time. */
const TURN_MS = 4

/** Lets others of this thread go first. */
export const othersTurn = (): Promise<void> => new Promise((resume) => void setImmediate(resume))

/** What is called now and then: a pause once the turn has lasted long enough; undefined: go on. */
export function pauses(clock: Pick<Clock, 'monotonic'>): () => Promise<void> | undefined {
  let since = clock.monotonic()
  return () => {
    if (clock.monotonic() - since < TURN_MS) return undefined
    return othersTurn().then(() => {
      since = clock.monotonic()
    })
  }
}
