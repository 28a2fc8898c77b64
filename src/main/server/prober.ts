/** Address probes as this server makes them. */
import { policyParams } from '../../mail/policy/mod.ts'
import { type Agent, Prober, ProbeStore } from '../../mail/queue/mod.ts'
import { routesOf } from './requeue.ts'
import type { Rooms } from './rooms.ts'

export function proberOf(rooms: Rooms, agent: Agent): Prober {
  return new Prober({
    probes: new ProbeStore(rooms.db),
    agent,
    clock: rooms.clock,
    route: (address, sender) => routesOf(rooms.current.router, address, sender),
    sender: () => {
      const { address_verify_sender: sender } = rooms.current.config.bind(policyParams)
      return sender === '' || sender === '<>' ? '' : rooms.current.router.standard(sender)
    },
    newQueueId: () => rooms.current.intake.queueId(),
  })
}
