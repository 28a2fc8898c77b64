/** `postsuper -r`: addresses are rewritten, expanded and routed anew, as if the message came in now. */
import type { QueuedRecipient, Selection } from '../../mail/queue/mod.ts'
import type { Router } from '../../mail/routing/mod.ts'
import { filterHop, filterRoute, intakeParams } from '../../mail/intake/mod.ts'
import { pickupConfig } from './intakes.ts'
import type { QueueRooms } from './queue-control.ts'

/** Answers the queue ids of messages that were requeued; one that is being delivered is left alone. */
export async function requeue({ desk, clock, current }: QueueRooms, selection: Selection): Promise<string[]> {
  const requeued: string[] = []
  // Postfix: the message comes by way of pickup(8), and content_filter holds for it once more.
  const cf = pickupConfig(current.config).bind(intakeParams)
  const filter = filterRoute(cf.content_filter, cf)
  for (const { queueId } of desk.select(selection)) {
    const jobs = desk.message(queueId)?.jobs ?? []
    const recipients = jobs.flatMap((job) => job.recipients)
    const fresh: QueuedRecipient[] = []
    for (const { recipients: some, messageSender } of jobs)
      for (const recipient of some)
        if (recipient.told !== undefined) fresh.push(recipient)
        else
          fresh.push(
            ...(filter === undefined
              ? ownPart(
                  recipient,
                  await routedAnew(current.router, recipient.sender ?? messageSender, recipient),
                  fresh,
                )
              : await toFilter(current.router, filter, recipient)),
          )
    const old = recipients.map(({ id }) => id)
    if (await desk.requeue(queueId, old, fresh, clock.now())) requeued.push(queueId)
  }
  return requeued
}

/**
 * What of an alias's expansion stands for a recipient that waits. A command or file of an alias is one part of it, and others
 * may have been delivered: only that part waits still. Where the alias has it no more, all that it stands for now takes its
 * place, once (local(8): better twice than never).
 */
function ownPart(
  { task }: QueuedRecipient,
  routes: readonly QueuedRecipient[],
  already: readonly QueuedRecipient[],
): readonly QueuedRecipient[] {
  if (task === undefined) return routes
  const same = routes.filter((one) => one.task?.target === task.target && one.task.place === task.place)
  const known = new Set(already.map(keyOf))
  return (same.length > 0 ? same : routes).filter((one) => !known.has(keyOf(one)))
}

const keyOf = ({ address, task, transport, nexthop }: QueuedRecipient): string =>
  JSON.stringify([address, task?.target, transport, nexthop])

async function toFilter(
  router: Pick<Router, 'cleaned'>,
  filter: Parameters<typeof filterHop>[0],
  { address, original, notify, orcpt, sender, forwarded }: QueuedRecipient,
): Promise<QueuedRecipient[]> {
  const all = await router.cleaned(address)
  return all.map(({ routed }) => ({
    ...(notify !== undefined && { notify }),
    ...(orcpt !== undefined && { orcpt }),
    ...(sender !== undefined && { sender }),
    ...(forwarded !== undefined && { forwarded }),
    address: routed.recipient,
    original: original === '' ? address : original,
    ...filterHop(filter, routed.recipient),
    routedBy: 'filter',
  }))
}

/**
 * All that mail for a recipient of the queue goes to now, aliases and all, with what its sender asked for. The owner of a list
 * that it leads through now takes the place of the sender.
 */
async function routedAnew(
  router: Pick<Router, 'expand'>,
  from: string,
  { address, original, notify, orcpt, sender, forwarded }: QueuedRecipient,
): Promise<QueuedRecipient[]> {
  return (await routesOf(router, address, from)).map((one) => ({
    ...(notify !== undefined && { notify }),
    ...(orcpt !== undefined && { orcpt }),
    ...(sender !== undefined && { sender }),
    ...(forwarded !== undefined && { forwarded }),
    ...one,
    // Mail to a list with an owner begins with the member.
    ...(original !== '' && (one.sender === undefined || one.forwarded === undefined) && { original }),
  }))
}

/** Where mail for an address goes now, aliases and all. */
export async function routesOf(
  router: Pick<Router, 'expand'>,
  address: string,
  from?: string,
): Promise<QueuedRecipient[]> {
  return (await router.expand(address, from)).map(
    ({ original, routed, sender, forwarded, delivered, task, routedBy }) => ({
      address: routed.recipient,
      original,
      transport: routed.transport,
      nexthop: routed.nexthop,
      ...(sender !== undefined && { sender }),
      ...(forwarded !== undefined && { forwarded }),
      ...(delivered !== routed.recipient && { delivered }),
      ...(task !== undefined && { task }),
      ...(routedBy !== undefined && { routedBy }),
    }),
  )
}

/**
 * Where a recipient that waits goes by the tables and settings of now; undefined: where its row says. Postfix: qmgr(8) asks
 * trivial-rewrite(8) at each attempt. A filter that was asked for stands; the aliases of a local name were followed when the
 * message came, and only a domain that is ours no more changes what came of them.
 */
export async function rerouted(
  router: Pick<Router, 'resolve' | 'expand'>,
  sender: string,
  recipient: QueuedRecipient,
): Promise<readonly QueuedRecipient[] | undefined> {
  const { address, transport, nexthop, task, routedBy, told } = recipient
  if (task !== undefined || told !== undefined || routedBy === 'filter') return undefined
  const now = await router.resolve(address, sender)
  if (now.addressClass === 'local' && routedBy === 'local') return undefined
  if (now.transport === transport && now.nexthop === nexthop) return undefined
  // A domain that has become one of aliases: those who wait are not to bounce where they lead somewhere.
  if (now.addressClass === 'local' || now.addressClass === 'virtual-alias') return routedAnew(router, sender, recipient)
  const { routedBy: _, delivered: _before, ...kept } = recipient
  return [{ ...kept, transport: now.transport, nexthop: now.nexthop }]
}
