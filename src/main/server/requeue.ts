/** `postsuper -r`: addresses are rewritten, expanded and routed anew, as if the message came in now. */
import type { QueuedRecipient, Selection } from '../../mail/queue/mod.ts'
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
      for (const { original, routed, delivered, task } of await current.router.expand(recipient.address)) {
        fresh.push({
          ...kept,
          address: routed.recipient,
          original: recipient.original === '' ? original : recipient.original,
          transport: routed.transport,
          nexthop: routed.nexthop,
          ...(delivered !== routed.recipient && { delivered }),
          ...(task !== undefined && { task }),
        })
      }
    }
    const old = recipients.map(({ id }) => id)
    if (await desk.requeue(queueId, old, fresh, clock.now())) requeued.push(queueId)
  }
  return requeued
}
