/**
 * Messages of our queue go into Postfix's, as files of `deferred`, `hold` or `incoming`, for `postfix start` to go on with. No
 * server runs meanwhile: ours would deliver them too. A file is written and synced, then the message is noted as given, then the
 * file is made valid, then the message goes: stopped anywhere and run again, it is there once. Between note and end the message
 * is on hold, so that a server that is started in between leaves it alone. Postfix's own postsuper(1), which its start runs,
 * gives the file the name that belongs to its inode.
 */
import { basename, join } from 'node:path'
import { type DueJob, queueParams } from '../../mail/queue/mod.ts'
import type { Rooms } from '../server/rooms.ts'
import type { PostfixQueue } from './find.ts'
import { makeValid, writeUnfinished } from './queue-directory.ts'
import { queueFile } from './write-message.ts'

export interface Given {
  readonly queueId: string
  readonly result: 'given' | 'left'
  readonly text: string
}

const ALL = ['hold', 'incoming', 'active', 'deferred'] as const

export function queueIds({ desk }: Rooms): string[] {
  return desk.select({ queueIds: 'ALL', queues: ALL }).map(({ queueId }) => queueId)
}

export async function giveMessage(rooms: Rooms, queueId: string): Promise<Given> {
  const { desk, queue, db } = rooms
  const left = (text: string): Given => ({ queueId, result: 'left', text })
  const found = desk.message(queueId)
  const [first] = found?.jobs ?? []
  if (found === undefined || first === undefined) return left('its report is still to be made: start the server once')
  if (queue.ended(first.messageId, 1).length > 0) return left('a report is still to be made: start the server once')
  const recipients = found.jobs.reduce((sum, job) => sum + job.recipients.length, 0)
  if (recipients < countOf(rooms, first.messageId)) return left(`it has more than ${recipients} recipients`)
  const note = `export ${queueId}`
  const files = filesFor(rooms, found.queue, found.jobs)
  const { delay_warning_time: warningMs } = rooms.current.config.bind(queueParams)
  try {
    if (db.read.sql('SELECT 1 FROM queue_dropped WHERE name = ?').get(note) === undefined) {
      for (const { path, job, sender } of files) {
        // Postfix: the time of a file is that of the next attempt.
        writeUnfinished(
          path,
          queueFile(job, sender, warningMs),
          found.queue === 'deferred' ? nextOf(rooms, job) : undefined,
        )
        writeReasons(rooms, path, job)
      }
      await desk.operate('hold', { queueIds: [queueId], queues: ALL })
      await queue.completeNow({ dropped: note })
      await db.syncWal()
    }
    for (const { path } of files) makeValid(path)
    await desk.operate('delete', { queueIds: [queueId], queues: ALL })
    await db.write((tx) => void tx.sql('DELETE FROM queue_dropped WHERE name = ?').run(note))
    return { queueId, result: 'given', text: '' }
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error))
  }
}

function countOf({ db }: Rooms, message: number): number {
  return Number(db.read.sql('SELECT count(*) FROM queue_recipient WHERE message = ?').get(message)?.[0] ?? 0)
}

interface File {
  readonly path: string
  readonly job: DueJob
  readonly sender: string
}

/** One a sender: the owner of a list has a message of his own. VERP is one for all. */
function filesFor({ current }: Rooms, queue: PostfixQueue, jobs: readonly DueJob[]): File[] {
  const directory = current.config.value('queue_directory') ?? ''
  const [first] = jobs
  const one =
    first?.verp === undefined
      ? jobs.map((job) => ({ job, sender: job.sender }))
      : [{ job: { ...first, recipients: jobs.flatMap((job) => job.recipients) }, sender: first.messageSender }]
  const to = queue === 'hold' || queue === 'deferred' ? queue : 'incoming'
  return one.map(({ job, sender }, i) => {
    const name = i === 0 ? job.queueId : `${job.queueId.slice(0, -2)}${String(i).padStart(2, '0')}`
    // Reports that an expansion took place are ours alone to make.
    const recipients = job.recipients.filter(({ told }) => told === undefined)
    return { path: join(directory, to, name), job: { ...job, recipients }, sender }
  })
}

function nextOf({ db, clock }: Rooms, { messageId }: DueJob): number {
  const [next] = db.read.sql('SELECT min(next_attempt_ms) FROM queue_recipient WHERE message = ?').get(messageId) ?? []
  return Math.max(Number(next ?? 0), clock.now())
}

/** `defer/ID`, for mailq(1): postsuper(1) gives it the name and the place that belong to the message. */
function writeReasons({ current }: Rooms, path: string, job: DueJob): void {
  const lines = job.recipients
    .filter(({ reason }) => reason !== '')
    .map(({ address, status, reason }) => {
      const fields = [`recipient=${address}`, `status=${status}`, 'action=delayed', `reason=${reason}`]
      return `<${address}>: ${reason}\n${fields.join('\n')}\n\n`
    })
  if (lines.length === 0) return
  const directory = current.config.value('queue_directory') ?? ''
  writeUnfinished(join(directory, 'defer', basename(path)), [Buffer.from(lines.join(''))])
}
