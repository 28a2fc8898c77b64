/** Makes the address probes that front threads ask for: deliveries without content, in main. */
import { type Clock, publish } from '#src/base/mod.ts'
import type { Agent, QueuedRecipient, RecipientResult } from './contract.ts'
import type { QueueEvent } from './events.ts'
import type { ProbeResult, ProbeStore } from './probes.ts'

export interface ProberDeps {
  readonly probes: ProbeStore
  readonly agent: Agent
  readonly clock: Clock
  /** Where a probe of the address goes; none is never. */
  readonly route: (address: string, sender: string) => Promise<readonly QueuedRecipient[]>
  /** address_verify_sender, in standard form, as it is now. */
  readonly sender: () => string
  readonly newQueueId: () => string
  /** smtputf8_autodetect_classes has `verify`. */
  readonly detectsUtf8: () => boolean
}

/** Probes at a time. */
const AT_A_TIME = 20

export class Prober {
  readonly #deps: ProberDeps
  readonly #running = new Set<string>()

  constructor(deps: ProberDeps) {
    this.#deps = deps
  }

  /** Starts what waits; what is left over is started when one ends. */
  look(signal: AbortSignal): void {
    if (this.#running.size >= AT_A_TIME) return
    for (const address of this.#deps.probes.wanted(AT_A_TIME * 2)) {
      if (this.#running.size >= AT_A_TIME || signal.aborted) return
      if (this.#running.has(address)) continue
      this.#running.add(address)
      void this.#probe(address, signal).finally(() => {
        this.#running.delete(address)
        if (!signal.aborted) this.look(signal)
      })
    }
  }

  async #probe(address: string, signal: AbortSignal): Promise<void> {
    const { probes, clock } = this.#deps
    try {
      const result = await this.#find(address, signal)
      if (!signal.aborted) await probes.put(address, result, clock.now())
    } catch (error) {
      publish<QueueEvent>({ event: 'queue.defect', queueId: 'NOQUEUE', error })
      await probes.put(address, { status: 'failed', text: '' }, clock.now())
    }
  }

  async #find(address: string, signal: AbortSignal): Promise<ProbeResult> {
    const results: RecipientResult[] = []
    const { agent, clock, newQueueId, route } = this.#deps
    const sender = this.#deps.sender()
    for (const [id, recipient] of (await route(address, sender)).entries()) {
      const job = {
        queueId: newQueueId(),
        transport: recipient.transport,
        nexthop: recipient.nexthop,
        sender,
        recipients: [{ ...recipient, id }],
        arrivalMs: clock.now(),
        sizeOctets: 0,
        smtpUtf8: this.#deps.detectsUtf8() && /[^\0-\x7f]/.test(address),
        saslUsername: '',
        trace: 'verify' as const,
        at: { segment: 0, offset: 0, length: 0 },
        read: () => Buffer.alloc(0),
      }
      await agent.deliver(job, (_, result) => results.push(result), signal)
    }
    return summary(results)
  }
}

/** Of several places one that takes it is enough; where none does, hope comes before refusal. */
function summary(results: readonly RecipientResult[]): ProbeResult {
  const good = results.find(({ status }) => status === 'sent')
  if (good !== undefined) return { status: 'deliverable', text: good.text }
  const waits = results.find(({ status }) => status === 'deferred')
  if (waits !== undefined) return { status: 'deferred', text: waits.text }
  const [first] = results
  return first === undefined ? { status: 'failed', text: '' } : { status: 'undeliverable', text: first.text }
}
