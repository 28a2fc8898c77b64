/**
 * The scheduler: what is due is handed to agents, a bounded number at a time, a bounded number to one destination; what they
 * report is written before anything else is done with it. RFC 5321 §4.5.4.1.
 */
import { type Clock, publish, type Wakeup } from '#src/base/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Agent, RecipientResult } from './contract.ts'
import type { QueueEvent } from './events.ts'
import type { queueParams } from './params.ts'
import type { DueJob, QueueStore, Settlement } from './store.ts'

/** A recipient whose story has ended; the sender may have to be told (mail/notices). */
export interface Ended {
  readonly job: DueJob
  readonly recipient: DueJob['recipients'][number]
  readonly result: RecipientResult
  /** Given up for its age, after temporary failures. */
  readonly expired: boolean
}

export interface RunnerDeps {
  readonly store: QueueStore
  readonly cf: () => Settings<typeof queueParams>
  readonly clock: Clock
  readonly queued: Wakeup
  readonly agent: Agent
  /** Tells the sender; a promise that must resolve before the recipients' rows go. */
  readonly notify: (ended: readonly Ended[]) => Promise<void>
}

/** Recipients looked at in one go. */
const LOOK_LIMIT = 1000
/** The queue is looked at anew at least this often. */
const LOOK_AGAIN_MS = 60_000

export class QueueRunner {
  readonly #deps: RunnerDeps
  readonly #busy = new Set<number>()
  readonly #destinations = new Map<string, number>()
  readonly #stop = new AbortController()
  #jobs = new Set<Promise<void>>()
  #finished: Promise<void> | undefined

  constructor(deps: RunnerDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#finished = this.#run()
  }

  /** Deliveries in progress are given up where they are: their recipients stay as they were. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#deps.queued.notify()
    await this.#finished
    await Promise.allSettled(this.#jobs)
  }

  async #run(): Promise<void> {
    const { store, clock, queued } = this.#deps
    while (!this.#stop.signal.aborted) {
      const seen = queued.value
      this.#startDue()
      const next = store.nextDueMs()
      const wait = next === undefined || this.#busy.size > 0 ? LOOK_AGAIN_MS : Math.max(10, next - clock.now())
      await queued.changed(seen, Math.min(LOOK_AGAIN_MS, wait))
    }
  }

  #startDue(): void {
    const { store, clock, cf } = this.#deps
    const { default_process_limit, default_destination_concurrency_limit, defer_transports } = cf()
    for (const job of store.due(clock.now(), LOOK_LIMIT, this.#busy)) {
      if (this.#jobs.size >= default_process_limit) return
      if (defer_transports.includes(job.transport)) continue
      const destination = `${job.transport}:${job.nexthop}`
      const now = this.#destinations.get(destination) ?? 0
      if (now >= default_destination_concurrency_limit) continue
      this.#destinations.set(destination, now + 1)
      for (const { id } of job.recipients) this.#busy.add(id)
      const running = this.#deliver(job).finally(() => {
        this.#jobs.delete(running)
        for (const { id } of job.recipients) this.#busy.delete(id)
        this.#destinations.set(destination, (this.#destinations.get(destination) ?? 1) - 1)
        this.#deps.queued.notify()
      })
      this.#jobs.add(running)
    }
  }

  async #deliver(job: DueJob): Promise<void> {
    const results = new Map<number, RecipientResult>()
    const report = (id: number, result: RecipientResult, relay: string): void => {
      const recipient = job.recipients.find((r) => r.id === id)
      if (recipient === undefined || results.has(id)) return
      results.set(id, result)
      const delayMs = this.#deps.clock.now() - job.arrivalMs
      const { address, original } = recipient
      publish<QueueEvent>({
        event: 'queue.result',
        queueId: job.queueId,
        transport: job.transport,
        recipient: address,
        original,
        relay,
        delayMs,
        ...result,
      })
    }
    try {
      await this.#deps.agent.deliver(job, report, this.#stop.signal)
    } catch (error) {
      if (this.#stop.signal.aborted) return
      publish<QueueEvent>({ event: 'queue.defect', queueId: job.queueId, error })
    }
    if (this.#stop.signal.aborted && results.size === 0) return
    await this.#settle(job, results)
  }

  async #settle(job: DueJob, results: ReadonlyMap<number, RecipientResult>): Promise<void> {
    const settlements: Settlement[] = []
    const ended: Ended[] = []
    for (const recipient of job.recipients) {
      const result = this.#softened(
        results.get(recipient.id) ?? { status: 'deferred', dsn: '4.3.0', text: 'the delivery agent gave no answer' },
      )
      const expired = result.status === 'deferred' && this.#isOld(job)
      const done = result.status !== 'deferred' || expired
      settlements.push({
        recipient: recipient.id,
        result,
        retryAtMs: done ? undefined : this.#retryAt(job.attempts.get(recipient.id) ?? 0),
      })
      if (done) ended.push({ job, recipient, result, expired })
    }
    // The report first: a stop in between sends it twice rather than never.
    if (ended.length > 0) await this.#deps.notify(ended)
    const gone = await this.#deps.store.settle(job.messageId, settlements)
    if (gone) publish<QueueEvent>({ event: 'queue.removed', queueId: job.queueId })
  }

  #softened(result: RecipientResult): RecipientResult {
    return result.status === 'bounced' && this.#deps.cf().soft_bounce ? { ...result, status: 'deferred' } : result
  }

  #isOld(job: DueJob): boolean {
    const { maximal_queue_lifetime, bounce_queue_lifetime } = this.#deps.cf()
    return this.#deps.clock.now() - job.arrivalMs > (job.sender === '' ? bounce_queue_lifetime : maximal_queue_lifetime)
  }

  #retryAt(attempts: number): number {
    const { minimal_backoff_time, maximal_backoff_time } = this.#deps.cf()
    return this.#deps.clock.now() + Math.min(maximal_backoff_time, minimal_backoff_time * 2 ** Math.min(attempts, 20))
  }
}
