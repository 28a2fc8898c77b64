/**
 * The queue at work: what is due is handed to agents as the schedule allows; what they report is written before anything else
 * is done with it; when nothing of a message is on its way any more, its sender is told what there is to tell.
 * RFC 5321 §4.5.4.1, RFC 3461 §5.
 */
import { type Clock, publish, type Wakeup } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Agent, DeliveryTimes, QueuedRecipient, RecipientResult } from './contract.ts'
import type { QueueEvent } from './events.ts'
import { transportLimits } from './limits.ts'
import { Loader } from './loader.ts'
import { Notifier, type Notify } from './notifier.ts'
import { queueParams } from './params.ts'
import { planSettlements } from './plan.ts'
import type { DueJob } from './rows.ts'
import { Schedule, type Slice } from './schedule.ts'
import { Settling } from './settling.ts'
import type { QueueStore } from './store.ts'

export interface RunnerDeps {
  readonly store: QueueStore
  readonly config: () => Config
  readonly clock: Clock
  readonly queued: Wakeup
  readonly agent: Agent
  readonly notify: Notify
  /** Where mail goes now that is not tried for the first time; undefined: as before. Throws what could not be asked. */
  readonly reroute?: (sender: string, recipient: QueuedRecipient) => Promise<readonly QueuedRecipient[] | undefined>
  /** Makes address probes that are asked for. */
  readonly prober?: { look(signal: AbortSignal): void }
}

/** Until then what intake found of a recipient's route holds. */
const ROUTE_LIFETIME_MS = 60_000
/** The queue is looked at anew at least this often. */
const LOOK_AGAIN_MS = 60_000

export class QueueRunner {
  readonly #deps: RunnerDeps
  readonly #schedule: Schedule
  readonly #loader: Loader
  readonly #notifier: Notifier
  readonly #settling: Settling
  readonly #stop = new AbortController()
  readonly #jobs = new Set<Promise<void>>()
  #finished: Promise<void> | undefined

  constructor(deps: RunnerDeps) {
    this.#deps = deps
    this.#schedule = new Schedule(transportLimits(deps.config))
    this.#loader = new Loader(deps, this.#schedule)
    this.#notifier = new Notifier(deps, this.#schedule)
    this.#settling = new Settling(deps.store, this.#stop.signal)
  }

  start(): void {
    this.#finished = this.#run()
  }

  /** Whether something of the message is on its way or waits for its turn: Postfix's active queue. */
  isActive(message: number): boolean {
    return this.#schedule.isActive(message)
  }

  /** Deliveries in progress are given up where they are: their recipients stay as they were. */
  async stop(): Promise<void> {
    this.#stop.abort()
    this.#deps.queued.notify()
    await this.#finished
    await Promise.allSettled(this.#jobs)
  }

  async #run(): Promise<void> {
    const { clock, queued } = this.#deps
    const { signal } = this.#stop
    this.#track(this.#notifier.catchUp(signal))
    await new Promise((resume) => setImmediate(resume)) // whoever started this goes on first
    while (!signal.aborted) {
      const seen = queued.value
      const nextRun = await this.#loader.load(signal)
      const sinceMs = clock.monotonic()
      this.#startDue()
      this.#deps.prober?.look(signal)
      const next = Math.min(nextRun, this.#schedule.nextMs(sinceMs) ?? Infinity) - clock.monotonic()
      await queued.changed(seen, Math.min(LOOK_AGAIN_MS, Math.max(10, next)))
    }
  }

  #track(work: Promise<void>): void {
    const running = work
      .catch((error: unknown) => publish<QueueEvent>({ event: 'queue.defect', queueId: 'NOQUEUE', error }))
      .finally(() => this.#jobs.delete(running))
    this.#jobs.add(running)
  }

  #startDue(): void {
    const { clock } = this.#deps
    if (this.#settling.isStuck) return // whoever is stuck goes on by itself, and then this is asked again
    for (let slice; !this.#stop.signal.aborted && (slice = this.#schedule.take(clock.monotonic())) !== undefined;) {
      this.#track(this.#deliver(slice))
    }
  }

  async #deliver(taken: Slice): Promise<void> {
    const { store, clock, queued } = this.#deps
    let slice = taken
    let outcome: 'up' | 'down' | 'unknown' = 'unknown'
    let gone = false
    try {
      const [job, ...others] = store.jobs(taken.message, taken.ids)
      for (const { recipients } of others) for (const { id } of recipients) slice = this.#schedule.putBack(slice, [id])
      if (job !== undefined && !job.hold) {
        const moved = await this.#moved(job)
        if (moved.size > 0) slice = await this.#reroute(slice, moved)
        const left = { ...job, recipients: job.recipients.filter(({ id }) => !moved.has(id)) }
        if (left.recipients.length > 0) ({ outcome, gone } = await this.#attempt(left, slice))
      }
    } catch (error) {
      publish<QueueEvent>({ event: 'queue.defect', queueId: `message ${taken.message}`, error })
    } finally {
      const nowMs = clock.monotonic()
      this.#schedule.done(slice, outcome, nowMs)
      // Nothing new has come into the queue: its rows are only looked at where some were left in them.
      this.#startDue()
      if (this.#loader.hasMore || this.#schedule.nextMs(nowMs) !== undefined) queued.notify()
    }
    if (!gone && !this.#stop.signal.aborted) await this.#notifier.afterDelivery(taken.message)
  }

  /** Recipients whose route is another by now: tables and main.cf may have changed since they were routed. */
  async #moved(job: DueJob): Promise<Map<number, readonly QueuedRecipient[]>> {
    const moved = new Map<number, readonly QueuedRecipient[]>()
    const { reroute, clock } = this.#deps
    const isFresh = clock.now() - job.arrivalMs < ROUTE_LIFETIME_MS
    for (const recipient of reroute === undefined ? [] : job.recipients) {
      if (isFresh && recipient.reason === '') continue
      try {
        const routes = await reroute?.(recipient.sender ?? job.messageSender, recipient)
        if (routes !== undefined && routes.length > 0) moved.set(recipient.id, routes)
      } catch (error) {
        // What is known still holds; a table that is away must not hold up mail that needs none of it.
        publish<QueueEvent>({
          event: 'queue.warning',
          text: `${job.queueId}: route of ${recipient.address}: ${error instanceof Error ? error.message : String(error)}`,
        })
      }
    }
    return moved
  }

  async #reroute(slice: Slice, moved: ReadonlyMap<number, readonly QueuedRecipient[]>): Promise<Slice> {
    const due = await this.#deps.store.reroute(slice.message, moved, this.#deps.clock.now())
    const rest = this.#schedule.without(slice, [...moved.keys()])
    for (const one of due) this.#schedule.add(one)
    return rest
  }

  /** One delivery with its results written. */
  async #attempt(job: DueJob, slice: Slice): Promise<{ outcome: 'up' | 'down' | 'unknown'; gone: boolean }> {
    const results = new Map<number, RecipientResult>()
    const { signal } = this.#stop
    const startedMs = this.#deps.clock.now()
    const report = (id: number, result: RecipientResult, relay: string, times?: DeliveryTimes): void => {
      const recipient = job.recipients.find((r) => r.id === id)
      if (recipient === undefined || results.has(id)) return
      results.set(id, asReported(result, relay, job.trace))
      this.#publish(job, recipient, result, { relay, startedMs, times })
    }
    const without = this.#withoutTry(job, slice)
    if (without !== undefined) for (const { id } of job.recipients) report(id, without, 'none')
    else {
      try {
        await this.#deps.agent.deliver({ ...job, connections: slice.connections }, report, signal)
      } catch (error) {
        if (!signal.aborted) publish<QueueEvent>({ event: 'queue.defect', queueId: job.queueId, error })
      }
    }
    if (signal.aborted && results.size === 0) return { outcome: 'unknown', gone: false }
    const reported = signal.aborted ? job.recipients.filter(({ id }) => results.has(id)) : job.recipients
    const { config, clock } = this.#deps
    const cf = config().bind(queueParams)
    const settlements = planSettlements({ ...job, recipients: reported }, results, cf, clock.now())
    const gone = await this.#settling.write(job.queueId, job.messageId, settlements)
    if (job.trace !== 'verify' && settlements.some(({ expired }) => expired))
      publish<QueueEvent>({ event: 'queue.expired', queueId: job.queueId, sender: job.sender, forced: job.expire })
    if (gone) publish<QueueEvent>({ event: 'queue.removed', queueId: job.queueId })
    return { outcome: without === undefined ? outcomeOf(results, slice) : 'unknown', gone }
  }

  /** What is said of recipients that are not tried now. */
  #withoutTry(job: DueJob, slice: Slice): RecipientResult | undefined {
    if (job.expire) {
      const [first] = job.recipients
      return first === undefined || first.reason === ''
        ? { status: 'deferred', dsn: '4.7.0', text: 'message is administratively expired' }
        : { status: 'deferred', dsn: first.status, text: first.reason }
    }
    if (slice.suspended) {
      const { dsn, text } = slice.destination.reason
      return { status: 'deferred', dsn, text: `delivery temporarily suspended: ${text}` }
    }
    const { defer_transports } = this.#deps.config().bind(queueParams)
    if (defer_transports.includes(job.transport) && !job.recipients.some(({ forced }) => forced))
      return { status: 'deferred', dsn: '4.3.2', text: 'deferred transport' }
    return undefined
  }

  #publish(
    job: DueJob,
    recipient: DueJob['recipients'][number],
    result: RecipientResult,
    how: { readonly relay: string; readonly startedMs: number; readonly times: DeliveryTimes | undefined },
  ): void {
    const { address, original, told } = recipient
    if (told !== undefined) return // nothing was delivered
    const { relay, startedMs, times } = how
    const nowMs = this.#deps.clock.now()
    const { setupMs, transferMs, connectionUses } = times ?? { setupMs: 0, transferMs: nowMs - startedMs }
    publish<QueueEvent>({
      event: 'queue.result',
      queueId: job.queueId,
      transport: job.transport,
      program: programOf(this.#deps.config(), job.transport),
      recipient: address,
      original,
      relay,
      connectionUses,
      delayMs: nowMs - job.arrivalMs,
      delaysMs: [startedMs - job.arrivalMs, 0, setupMs, transferMs],
      ...(job.trace === 'verify' && { probe: true }),
      ...result,
    })
  }
}

function programOf({ master }: Config, transport: string): string {
  const service = master.find((one) => one.type === 'unix' && one.name === transport)
  return service === undefined ? transport : service.command.replace(/^.*\//, '')
}

/** What a report says of it. Postfix: trace_append(). */
function asReported(result: RecipientResult, relay: string, trace: DueJob['trace']): RecipientResult {
  if ((result.status !== 'sent' && trace !== 'verify') || relay === 'none') return result
  const isExpanded = result.status === 'sent' && result.expanded === true
  return { ...result, text: `delivery via ${relay}: ${isExpanded ? 'alias expanded' : result.text}` }
}

/** Whether there was a server at the destination; notes why not. */
function outcomeOf(results: ReadonlyMap<number, RecipientResult>, slice: Slice): 'up' | 'down' | 'unknown' {
  if (results.size === 0) return 'unknown'
  for (const result of results.values()) {
    if (result.status !== 'deferred' || !isDown(result)) continue
    slice.destination.reason = { dsn: result.dsn, text: result.text }
    return 'down'
  }
  return 'up'
}

/** The agent says so, or a network status (RFC 3463 §3.5) without any word of a server does. */
function isDown(result: Extract<RecipientResult, { status: 'deferred' | 'bounced' }>): boolean {
  return result.destinationDown ?? (result.remoteReply === undefined && /^4\.4\.[1-3]$/.test(result.dsn))
}
