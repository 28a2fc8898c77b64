/** `postsuper -r`: addresses are rewritten, expanded and routed anew, as if the message came in now. */
import type { QueuedRecipient, Selection } from '../../mail/queue/mod.ts'
import type { Router } from '../../mail/routing/mod.ts'
import type { QueueRooms } from './queue-control.ts'

/** Answers the queue ids of messages that were requeued; one that is being delivered is left alone. */
export async function requeue({ desk, clock, current }: QueueRooms, selection: Selection): Promise<string[]> {
  const requeued: string[] = []
  for (const { queueId } of desk.select(selection)) {
    const recipients = desk.message(queueId)?.jobs.flatMap((job) => job.recipients) ?? []
    const fresh: QueuedRecipient[] = []
    for (const recipient of recipients) {
      const { notify, orcpt, sender } = recipient
      const kept = {
        ...(notify !== undefined && { notify }),
        ...(orcpt !== undefined && { orcpt }),
        ...(sender !== undefined && { sender }),
      }
      for (const one of await routesOf(current.router, recipient.address))
        fresh.push({ ...kept, ...one, ...(recipient.original !== '' && { original: recipient.original }) })
    }
    const old = recipients.map(({ id }) => id)
    if (await desk.requeue(queueId, old, fresh, clock.now())) requeued.push(queueId)
  }
  return requeued
}

/** Where mail for an address goes now, aliases and all. */
export async function routesOf(router: Pick<Router, 'expand'>, address: string): Promise<QueuedRecipient[]> {
  return (await router.expand(address)).map(({ original, routed, delivered, task }) => ({
    address: routed.recipient,
    original,
    transport: routed.transport,
    nexthop: routed.nexthop,
    ...(delivered !== routed.recipient && { delivered }),
    ...(task !== undefined && { task }),
  }))
}
