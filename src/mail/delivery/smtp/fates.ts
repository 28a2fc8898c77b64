/** What becomes of each recipient of a delivery: at once, or once no other server is left. Postfix: smtp_trouble.c, smtp_rcpt.c. */
import type { Agent, DeliveryJob, DeliveryTimes, RecipientResult } from '../../queue/mod.ts'
import type { Recipient } from './transaction.ts'
import { Trouble } from './trouble.ts'
import { deferred, type Failure } from './words.ts'

export type Report = Parameters<Agent['deliver']>[1]

export class Fates {
  readonly #job: DeliveryJob
  readonly #report: Report
  readonly #note: (text: string) => void
  /** Recipients whose fate is open. */
  readonly #left: Map<number, Recipient>
  readonly #startedMs = performance.now()
  #readyMs: number | undefined
  #uses = 1
  readonly trouble = new Trouble()
  /** A server has heard the message out, whatever it said: the destination is there. */
  isComplete = false
  /** What is said where nothing else comes of it. */
  last: Failure = deferred('4.3.0', 'server unavailable or unable to receive mail')

  constructor(job: DeliveryJob, report: Report, note: (text: string) => void) {
    this.#job = job
    this.#report = report
    this.#note = note
    this.#left = new Map(job.recipients.map((recipient) => [recipient.id, recipient]))
  }

  get open(): Recipient[] {
    return [...this.#left.values()]
  }

  get isSettled(): boolean {
    return this.#left.size === 0
  }

  /** A server takes mail, over a connection that has carried so many messages with this one. */
  sessionBegins(uses: number): void {
    this.#readyMs = performance.now()
    this.#uses = uses
  }

  sessionEnds(): void {
    this.#readyMs = undefined
    this.#uses = 1
  }

  /** @param isFinal no other server is to be tried */
  settle(recipient: Recipient, result: RecipientResult, isFinal: boolean, relay: string): void {
    if (!this.#left.has(recipient.id)) return
    this.trouble.note(result)
    if (result.status === 'deferred' && !isFinal) {
      this.last = result
      this.#note(`${this.#job.queueId}: ${result.text}`)
      return
    }
    this.#left.delete(recipient.id)
    this.#report(recipient.id, result, relay, this.#times())
  }

  /**
   * A failure of a whole server: permanent ones end the recipients, others are for the next server to mend.
   * @param relay `none`: nobody was talked to
   */
  fail(failure: Failure, isFinal: boolean, relay: string): void {
    this.last = failure
    this.trouble.note(failure)
    if (relay === 'none') this.#note(failure.text)
    else if (failure.status === 'deferred' && !isFinal) this.#note(`${this.#job.queueId}: ${failure.text}`)
    else for (const recipient of this.open) this.settle(recipient, this.#ofServer(failure), true, relay)
  }

  giveUp(failure: Failure): void {
    for (const { id } of this.open) this.#report(id, this.#ofServer(failure), 'none', this.#times())
    this.#left.clear()
  }

  /** Where no server heard the message out, others for the destination are better not tried now. */
  #ofServer(failure: Failure): Failure {
    return { destinationDown: !this.isComplete, ...failure }
  }

  #times(): DeliveryTimes {
    const readyMs = this.#readyMs ?? performance.now()
    return {
      setupMs: readyMs - this.#startedMs,
      transferMs: performance.now() - readyMs,
      connectionUses: this.#uses > 1 ? this.#uses : undefined,
    }
  }
}
