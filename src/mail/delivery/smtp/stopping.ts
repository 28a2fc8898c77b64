/** How a stop reaches what a delivery waits for: a signal that is aborted already tells nobody. */
import type { Connection } from '../../../io/net/mod.ts'

/** Work over a connection that ends with the stop: whatever waits for the peer fails then. */
export async function untilStopped<T>(signal: AbortSignal, connection: Connection, work: () => Promise<T>): Promise<T> {
  const stop = (): void => connection.destroy()
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await work()
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** What a question comes to; undefined once there is the stop, for nothing hangs on the answer then. */
export async function unlessStopped<T>(signal: AbortSignal, question: Promise<T>): Promise<T | undefined> {
  const { promise: stopped, resolve } = Promise.withResolvers<undefined>()
  const stop = (): void => resolve(undefined)
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await Promise.race([stopped, question])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}
