/** What tools ask of the queue: the same for a running server, over its sockets, and without one. */
import { publish } from '#src/base/mod.ts'
import type { ListPlace, Operation, QueueName, Selection } from '../../mail/queue/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import { queueByCause } from './queue-report.ts'
import { requeue } from './requeue.ts'
import type { Rooms } from './rooms.ts'

/** What of the rooms the queue's commands need. */
export type QueueRooms = Pick<Rooms, 'desk' | 'queued' | 'clock' | 'db'> & {
  readonly current: Pick<Rooms['current'], 'config' | 'tables' | 'router'>
}

/** Octets of a message that one answer holds; tools ask again for more. */
const PIECE = 1024 * 1024

const OPERATIONS: readonly Operation[] = ['delete', 'hold', 'release', 'expire']
const QUEUES: readonly QueueName[] = ['hold', 'incoming', 'active', 'deferred']

export async function answerQueue(rooms: QueueRooms, request: ControlRequest): Promise<ControlAnswer> {
  switch (request.command) {
    case 'queue-list':
      return { ok: true, ...rooms.desk.page(placeOf(request['from'])) }
    case 'queue-flush':
      return flush(rooms, request)
    case 'queue-message':
      return message(rooms, String(request['queueId']))
    case 'queue-content':
      return content(rooms, String(request['queueId']), Number(request['at']))
    case 'queue-report':
      return { ok: true, report: queueByCause(rooms.db.read, rooms.clock.now()) }
    case 'queue-log':
      logged(request, String(request['text']))
      return { ok: true }
    case 'ping':
      return { ok: true }
    case 'queue-requeue': {
      const requeued = await requeue(rooms, selectionOf(request))
      rooms.queued.notify()
      loggedEach(request, requeued)
      return { ok: true, changed: requeued }
    }
    case 'queue-operate': {
      const operation = OPERATIONS.find((one) => one === request['operation'])
      if (operation === undefined) return { ok: false, error: 'unknown operation' }
      const changed = await rooms.desk.operate(operation, selectionOf(request))
      rooms.queued.notify()
      loggedEach(request, changed)
      return { ok: true, changed }
    }
    default:
      return { ok: false, error: `unknown request: ${request.command}` }
  }
}

/** postsuper's lines stand in the log too. */
function logged({ tool }: ControlRequest, text: string): void {
  if (tool === 'postsuper') publish({ event: 'main.tool', service: tool, text })
}

/** @param ids of messages that something was done to by their names */
function loggedEach(request: ControlRequest, ids: readonly string[]): void {
  const { each } = request
  if (typeof each === 'string') for (const id of ids) logged(request, `${id}: ${each}`)
}

/** Only domains of fast_flush_domains may be asked for, so that nobody makes us try all the world at once. */
export async function mayFlush({ config, tables }: QueueRooms['current'], site: string): Promise<boolean> {
  const parameter = 'fast_flush_domains'
  const list = tables.matchDomain(config.value(parameter) ?? '', { parentDomains: true, parameter })
  return (await list(site)) !== undefined
}

async function flush(rooms: QueueRooms, request: ControlRequest): Promise<ControlAnswer> {
  const { queueId, site } = request
  if (typeof site === 'string') {
    if (!(await mayFlush(rooms.current, site)))
      return { ok: false, error: `Flush service is not configured for destination "${site}"` }
    await rooms.desk.flush({ domain: site.toLowerCase().replace(/^\[(.*)\]$/, '$1') })
  } else await rooms.desk.flush(typeof queueId === 'string' ? { queueId } : 'all')
  rooms.queued.notify()
  return { ok: true }
}

function message({ desk }: QueueRooms, queueId: string): ControlAnswer {
  const found = desk.message(queueId)
  const [first] = found?.jobs ?? []
  if (found === undefined || first === undefined) return { ok: false, error: 'no such message' }
  const { messageSender: sender, arrivalMs, sizeOctets, ret, envid, body, smtpUtf8, verp, saslUsername, client } = first
  const recipients = found.jobs.flatMap((job) => job.recipients)
  const facts = { sender, arrivalMs, sizeOctets, ret, envid, body, smtpUtf8, verp, saslUsername, client }
  return { ok: true, message: { queue: found.queue, queueId, ...facts, recipients } }
}

function content({ desk }: QueueRooms, queueId: string, at: number): ControlAnswer {
  const job = desk.message(queueId)?.jobs[0]
  if (job === undefined || !Number.isSafeInteger(at) || at < 0) return { ok: false, error: 'no such message' }
  const piece = at >= job.sizeOctets ? Buffer.alloc(0) : job.read(at, Math.min(job.sizeOctets, at + PIECE))
  return { ok: true, content: piece.toString('base64') }
}

function placeOf(from: unknown): ListPlace | undefined {
  if (typeof from !== 'object' || from === null || !('message' in from) || !('recipient' in from)) return undefined
  return { message: Number(from.message), recipient: Number(from.recipient) }
}

/** Throws for what is none. */
function selectionOf({ queueIds, queues }: ControlRequest): Selection {
  const ids = queueIds === 'ALL' ? 'ALL' : Array.isArray(queueIds) ? queueIds.map(String) : undefined
  if (ids === undefined || !Array.isArray(queues)) throw new Error('not a selection')
  return { queueIds: ids, queues: QUEUES.filter((name) => queues.includes(name)) }
}
