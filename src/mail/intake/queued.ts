/** A message that another server had taken in and kept in its queue: it is past cleanup, and only its recipients are routed. */
import type { QueuedRecipient } from '../queue/mod.ts'
import type { IntakeDeps } from './intake.ts'
import { applyPlan, encodePlan, type Plan } from './record.ts'

export interface TakenOver extends Omit<Plan, 'deposits' | 'queued' | 'forwarded' | 'sizeOctets' | 'final'> {
  readonly recipients: readonly QueuedRecipient[]
  /** In wire form. */
  readonly content: Iterable<Buffer>
  readonly sizeOctets: number
}

/** Durable in the queue when it resolves. Throws what the log throws; then nothing of it exists. */
export async function takeOver<F>(
  deps: Pick<IntakeDeps<F>, 'log' | 'analyser' | 'store' | 'queue'>,
  { content, recipients, ...message }: TakenOver,
): Promise<void> {
  const draft = deps.log.draft(message.sizeOctets)
  try {
    const analyser = deps.analyser()
    for (const piece of content) {
      analyser.push(piece)
      const wait = draft.write(piece)
      if (wait !== undefined) await wait
    }
    const facts = analyser.end()
    const plan: Plan = { ...message, sizeOctets: draft.size, deposits: [], queued: recipients }
    const { id } = draft
    await deps.log.commit('mail', draft, encodePlan(plan), (tx, at) => applyPlan(plan, deps, tx, { id, at, facts }))
  } finally {
    draft.discard()
  }
}
