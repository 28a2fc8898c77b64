/**
 * When senders are told: once nothing of a message is on its way any more, of all recipients together. The report itself is
 * mail/notices'; its record completes the recipients' rows, so that a stop in between neither loses nor doubles it.
 */
import { type Clock, publish } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { QueueEvent } from './events.ts'
import { wantsReport } from './plan.ts'
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
  /** Messages whose reports are being made, and whether another delivery has ended meanwhile. */
  readonly #telling = new Map<number, { again: boolean }>()

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
    if (this.#schedule.isActive(message)) return
    const underWay = this.#telling.get(message)
    if (underWay !== undefined) {
      underWay.again = true
      return
    }
    const state = { again: true }
    this.#telling.set(message, state)
    try {
      while (state.again) {
        state.again = false
        await this.#tellEnded(message)
        await this.#tellDelayed(message)
      }
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
    const { store, notify, config } = this.#deps
    const cf = config().bind(queueParams)
    const plain = cf.disable_verp_bounces
    for (let groups; (groups = store.ended(message, REPORT_LIMIT, plain)).length > 0;) {
      const first = groups[0]?.[0]
      for (const group of groups) {
        const [wanted, unwanted] = [true, false].map((is) =>
          group.filter(({ recipient, result, job }) => wantsReport(recipient, result, job, cf) === is),
        )
        // A stop came between a delivery and its settling.
        if (unwanted !== undefined && unwanted.length > 0) await this.#completeSilently(unwanted)
        if (wanted !== undefined && wanted.length > 0) await notify('ended', wanted)
      }
      if (first !== undefined && !store.exists(message))
        publish<QueueEvent>({ event: 'queue.removed', queueId: first.job.queueId })
      if (store.ended(message, 1, plain)[0]?.[0]?.recipient.id === first?.recipient.id) return // nothing was completed
    }
  }

  #completeSilently(recipients: readonly Ended[]): Promise<void> {
    const queueId = recipients[0]?.job.queueId ?? ''
    return this.#deps.store.completeNow({
      reported: { queueId, recipients: recipients.map(({ recipient }) => recipient.n) },
    })
  }

  /** postconf(5) delay_warning_time; RFC 3461 §4.1: DELAY, or nothing said. `sendmail -v` wants to know at once. */
  async #tellDelayed(message: number): Promise<void> {
    const { store, notify, clock, config } = this.#deps
    const { delay_warning_time, disable_verp_bounces } = config().bind(queueParams)
    for (const group of store.deferred(message, REPORT_LIMIT, disable_verp_bounces)) {
      const [first] = group
      if (first === undefined || first.job.warned || first.job.hold) continue
      const isLate = delay_warning_time > 0 && clock.now() - first.job.arrivalMs >= delay_warning_time
      const told = group.filter(
        ({ recipient, job }) =>
          recipient.reason !== '' &&
          (job.trace === 'deliver' ||
            (isLate && (recipient.notify === undefined || recipient.notify.includes('DELAY')))),
      )
      if (told.length > 0) await notify('delayed', told)
    }
  }
}
