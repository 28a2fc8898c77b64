/** postsuper(1): delete, hold, release, requeue and expire messages of the queue. */
import type { QueueName } from '../../mail/queue/mod.ts'
import { getopt, lastValue } from './getopt.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { asked, openQueue, type QueueAccess, QueueRefusal } from './queue-access.ts'

const USAGE =
  'usage: postsuper [-c config_dir] [-d queue_id (delete)] [-e queue_id (expire)] [-f queue_id (expire and/or un-hold)] ' +
  '[-h queue_id (hold)] [-H queue_id (un-hold)] [-p (purge temporary files)] [-r queue_id (requeue)] [-s (structure fix)] ' +
  '[-S (redundant structure fix)][-v (verbose)] [queue...]'

interface Task {
  readonly request: { readonly command: string; readonly operation?: string }
  /** Behind the queue id, a line a message. */
  readonly each: string
  /** In front of the count. */
  readonly all: string
  readonly queues: readonly QueueName[]
}

const ANY: readonly QueueName[] = ['hold', 'incoming', 'active', 'deferred']

const RELEASE: Task = {
  request: { command: 'queue-operate', operation: 'release' },
  each: 'released from hold',
  all: 'Released from hold',
  queues: ['hold'],
}

const EXPIRE: Task = {
  request: { command: 'queue-operate', operation: 'expire' },
  each: 'expired',
  all: 'Force-expired',
  queues: ANY,
}

/** In the order in which they are done. */
const TASKS: Readonly<Record<string, readonly Task[]>> = {
  d: [{ request: { command: 'queue-operate', operation: 'delete' }, each: 'removed', all: 'Deleted', queues: ANY }],
  r: [{ request: { command: 'queue-requeue' }, each: 'requeued', all: 'Requeued', queues: ANY }],
  h: [
    {
      request: { command: 'queue-operate', operation: 'hold' },
      each: 'placed on hold',
      all: 'Placed on hold',
      queues: ['incoming', 'active', 'deferred'],
    },
  ],
  H: [RELEASE],
  e: [EXPIRE],
  f: [EXPIRE, RELEASE],
}

/** Queue ids read from standard input, at the most. */
const INPUT_LIMIT = 64 * 1024 * 1024
/** Queue ids of one request. */
const BATCH = 1000

export const postsuper: Command = async (argv, io) => {
  const words = getopt(argv, 'c:d:e:f:h:H:pr:sSv')
  if (words.problem !== undefined) {
    io.err(`postsuper: ${words.problem}\npostsuper: fatal: ${USAGE}\n`)
    return 1
  }
  const queues = words.operands.filter((name): name is QueueName => ANY.some((one) => one === name))
  const wrong = words.operands.find((name) => !ANY.some((one) => one === name) && !KNOWN_BUT_EMPTY.has(name))
  if (wrong !== undefined) return fatal(io, `invalid directory name: ${wrong}`)
  const asksForIds = new Set(words.options.map(({ letter }) => letter))
  const queue = await openQueue(configDirectory(lastValue(words, 'c'), io))
  try {
    if (queue.way === 'public' || (queue.way === 'none' && process.getuid?.() !== 0))
      return fatal(io, 'use of this command is reserved for the superuser')
    // -p, -s and -S mend Postfix's queue files; here the start of the server has done what there is to do.
    const input = words.options.some(({ value }) => value === '-') ? await readIds(io) : []
    for (const [letter, tasks] of Object.entries(TASKS)) {
      if (!asksForIds.has(letter)) continue
      const given = words.options.filter((option) => option.letter === letter).map(({ value }) => value)
      const ids = given.includes('ALL') ? 'ALL' : given.flatMap((value) => (value === '-' ? input : [value]))
      const bad = ids === 'ALL' ? undefined : ids.find((id) => !/^[0-9A-Za-z]+$/.test(id))
      if (bad !== undefined) io.err(`postsuper: warning: invalid mail queue id: ${bad}\n`)
      const right = ids === 'ALL' ? ids : ids.filter((id) => /^[0-9A-Za-z]+$/.test(id))
      for (const task of tasks) await perform(task, right, queues, queue, io)
    }
    return EX.ok
  } catch (error) {
    if (!(error instanceof QueueRefusal)) throw error
    return fatal(io, error.message)
  } finally {
    await queue.close()
  }
}

/** Directories of Postfix that hold no message here. */
const KNOWN_BUT_EMPTY = new Set(['maildrop', 'bounce', 'defer', 'trace', 'flush', 'saved'])

async function perform(
  { request, each, all, queues }: Task,
  ids: readonly string[] | 'ALL',
  named: readonly QueueName[],
  queue: QueueAccess,
  io: CliIo,
): Promise<void> {
  const wanted = named.length === 0 ? queues : queues.filter((name) => named.includes(name))
  let count = 0
  for (let at = 0; at === 0 || (ids !== 'ALL' && at < ids.length); at += BATCH) {
    const queueIds = ids === 'ALL' ? ids : ids.slice(at, at + BATCH)
    const { changed } = await asked(queue, {
      ...request,
      queueIds,
      queues: wanted,
      tool: 'postsuper',
      ...(ids !== 'ALL' && { each }),
    })
    for (const id of Array.isArray(changed) ? changed : []) {
      if (ids !== 'ALL') io.err(`postsuper: ${String(id)}: ${each}\n`) // of ALL only the number is told
      count++
    }
  }
  const text = `${all}: ${count} message${count === 1 ? '' : 's'}`
  io.err(`postsuper: ${text}\n`)
  if (queue.way === 'control') await queue.ask({ command: 'queue-log', tool: 'postsuper', text })
}

async function readIds({ stdin }: CliIo): Promise<string[]> {
  let text = ''
  for await (const chunk of stdin) {
    text += String(chunk)
    if (text.length > INPUT_LIMIT) throw new QueueRefusal('too much on standard input')
  }
  return text.split(/\s+/).filter((word) => word !== '')
}

function fatal(io: CliIo, text: string): number {
  io.err(`postsuper: fatal: ${text}\n`)
  return 1
}
