/** The agent that the queue knows: hands a job to the one that its transport names. */
import type { Agent, DeliveryJob } from '../queue/mod.ts'
import { filteredReport, type StatusFilter } from './status-filter.ts'

type Report = Parameters<Agent['deliver']>[1]

export interface Agents {
  readonly smtp: Agent
  readonly local: Agent
  readonly pipe: Agent
  /** Transports whose recipients may be accounts here: local(8), virtual(8). */
  readonly isLocal: (transport: string) => boolean
  /** Transports of master.cf whose program is smtp(8) or lmtp(8). */
  readonly isSmtp: (transport: string) => boolean
  /** Transports of master.cf whose program is pipe(8). */
  readonly isPipe: (transport: string) => boolean
  /** What changes the words of a transport's deliveries; undefined for none. */
  readonly statusFilter: (transport: string) => StatusFilter | undefined
}

export interface AllAgents extends Agent {
  /** For an agent that gives a job to another transport: the filter is that of the one that delivers, and no other. */
  readonly pass: Agent['deliver']
}

export function createAgents(agents: Agents): AllAgents {
  const agent = chosenAgent(agents)
  /** What stands behind the reports that agents are given. */
  const unfiltered = new WeakMap<Report, Report>()
  const deliver: Agent['deliver'] = async (job, report, signal) => {
    const filter = agents.statusFilter(job.transport)
    if (filter === undefined) return agent.deliver(job, report, signal)
    const filtered = filteredReport(filter, report)
    unfiltered.set(filtered.report, report)
    try {
      await agent.deliver(job, filtered.report, signal)
    } finally {
      await filtered.settled()
    }
  }
  return { deliver, pass: (job, report, signal) => deliver(job, unfiltered.get(report) ?? report, signal) }
}

function chosenAgent({ smtp, isSmtp, local, isLocal, pipe, isPipe }: Agents): Agent {
  return {
    async deliver(job, report, signal) {
      if (isSmtp(job.transport)) return smtp.deliver(job, report, signal)
      if (isPipe(job.transport)) return pipe.deliver(job, report, signal)
      if (isLocal(job.transport)) return local.deliver(job, report, signal)
      const result = withoutAgent(job)
      // local(8) itself says that a name behind an alias is unknown.
      for (const { id, routedBy } of job.recipients) report(id, result, routedBy === 'local' ? 'local' : 'none')
    },
  }
}

/** error(8), retry(8), discard(8); a transport that is not spoken yet keeps its mail in the queue and says so. */
function withoutAgent({ transport, nexthop }: DeliveryJob): Parameters<Parameters<Agent['deliver']>[1]>[1] {
  const [, dsn, text] = /^([45]\.\d{1,3}\.\d{1,3})\s+(.*)$/s.exec(nexthop) ?? []
  switch (transport) {
    case 'error':
      return { status: 'bounced', dsn: dsn ?? '5.0.0', text: text ?? nexthop }
    case 'retry':
      return { status: 'deferred', dsn: dsn ?? '4.0.0', text: text ?? nexthop }
    case 'discard':
      return { status: 'sent', dsn: '2.0.0', text: nexthop }
    default:
      return { status: 'deferred', dsn: '4.3.5', text: `mail transport ${transport} is not available yet` }
  }
}
