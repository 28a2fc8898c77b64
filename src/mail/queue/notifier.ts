/**
 * When senders are told: once nothing of a message is on its way any more, of all recipients together. The report itself is
 * mail/notices'; its record completes the recipients' rows, so that a stop in between neither loses nor doubles it.
 */
import { type Clock, publish } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { QueueEvent } from './events.ts'
import { queueParams } from './params.ts'
import type { Ended } from './rows.ts'
import type { Schedule } from './schedule.ts'
import type { QueueStore } from './store.ts'

/**
 * Tells of recipients of one message and one sender, and completes them (`Completion`), also where there is nobody to be told.
 * `delayed`: they are still being tried; told once. Rejects when it is to be tried again.
 */
export type Notify = (kind: 'ended' | 'delayed', recipients: readonly Ended[]) => Promise<void>

export interface NotifierDeps {
  readonly store: QueueStore
  readonly config: () => Config
  readonly clock: Clock
  readonly notify: Notify
}

/** Recipients in one report. */
const REPORT_LIMIT = 1000
/** A report that could not be made is tried again after this. */
const AGAIN_MS = 60_000

export class Notifier {
  readonly #deps: NotifierDeps
  readonly #schedule: Schedule
  /** Messages whose reports are being made. */
  readonly #telling = new Set<number>()

  constructor(deps: NotifierDeps, schedule: Schedule) {
    this.#deps = deps
    this.#schedule = schedule
  }

  /** Reports that a stop left to be made. */
  async catchUp(signal: AbortSignal): Promise<void> {
    for (const message of this.#deps.store.messagesToReport()) {
      if (signal.aborted) return
      await this.afterDelivery(message)
    }
  }

  async afterDelivery(message: number): Promise<void> {
    if (this.#schedule.isActive(message) || this.#telling.has(message)) return
    this.#telling.add(message)
    try {
      await this.#tellEnded(message)
      await this.#tellDelayed(message)
    } catch (error) {
      publish<QueueEvent>({
        event: 'queue.report-failed',
        text: error instanceof Error ? error.message : String(error),
      })
      setTimeout(() => void this.afterDelivery(message), AGAIN_MS).unref()
    } finally {
      this.#telling.delete(message)
    }
  }

  async #tellEnded(message: number): Promise<void> {
    const { store, notify } = this.#deps
    for (let groups; (groups = store.ended(message, REPORT_LIMIT)).length > 0;) {
      const queueId = groups[0]?.[0]?.job.queueId ?? ''
      for (const group of groups) await notify('ended', group)
      if (!store.exists(message)) publish<QueueEvent>({ event: 'queue.removed', queueId })
      if (store.ended(message, 1)[0]?.[0]?.recipient.id === groups[0]?.[0]?.recipient.id) return // nothing was completed
    }
  }

  /** postconf(5) delay_warning_time; RFC 3461 §4.1: DELAY, or nothing said. */
  async #tellDelayed(message: number): Promise<void> {
    const { store, notify, clock, config } = this.#deps
    const { delay_warning_time } = config().bind(queueParams)
    if (delay_warning_time === 0) return
    for (const group of store.deferred(message, REPORT_LIMIT)) {
      const [first] = group
      if (first === undefined || first.job.warned || clock.now() - first.job.arrivalMs < delay_warning_time) continue
      const told = group.filter(
        ({ recipient }) =>
          recipient.reason !== '' && (recipient.notify === undefined || recipient.notify.includes('DELAY')),
      )
      if (told.length > 0) await notify('delayed', told)
    }
  }
}
