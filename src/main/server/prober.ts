/** Address probes as this server makes them. */
import { detectsUtf8, intakeParams } from '../../mail/intake/mod.ts'
import { policyParams, ProbeSender } from '../../mail/policy/mod.ts'
import { type Agent, Prober, ProbeStore } from '../../mail/queue/mod.ts'
import type { Router } from '../../mail/routing/mod.ts'
import { routesOf } from './requeue.ts'
import type { Rooms } from './rooms.ts'

export function proberOf(rooms: Rooms, agent: Agent): Prober {
  const routers = oneForProbes()
  return new Prober({
    probes: new ProbeStore(rooms.db),
    agent,
    clock: rooms.clock,
    route: (address, sender) => routesOf(routers(rooms.current.router), address, sender),
    sender: () => {
      const { config, router } = rooms.current
      const sender = new ProbeSender(config.bind(policyParams), (address) => router.standard(address))
      return sender.at(rooms.clock.now())
    },
    detectsUtf8: () => detectsUtf8(rooms.current.config.bind(intakeParams).smtputf8_autodetect_classes, 'verify'),
    newQueueId: () => rooms.current.intake.queueId(),
  })
}

/** A router for probes is made once for each that mail has. */
function oneForProbes(): (router: Router) => Router {
  let made: { readonly of: Router; readonly router: Router } | undefined
  return (router) => {
    if (made?.of !== router) made = { of: router, router: router.forProbes() }
    return made.router
  }
}
