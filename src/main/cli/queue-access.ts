/**
 * How the queue's commands reach the queue: a running server by its control socket (its owner and root) or its public one
 * (everybody); without a server, whoever may open the database does so.
 */
import { serverLockHolder, takeServerLock } from '../../io/db/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { askControl, type ControlAnswer, type ControlRequest } from '../server/control.ts'
import { actAsOwner, dataPaths } from '../server/data-dir.ts'
import { publicPaths } from '../server/maildrop.ts'
import { askPublic } from '../server/public-socket.ts'
import { answerQueue } from '../server/queue-control.ts'
import { makeSharedMemory, openRooms, readConfig } from '../server/rooms.ts'
import { existsSync } from 'node:fs'

export interface QueueAccess {
  readonly config: Config
  /** Whether a server answers, or the database is open here, or nothing can be had. */
  readonly way: 'control' | 'public' | 'database' | 'none'
  ask(request: ControlRequest): Promise<ControlAnswer>
  close(): Promise<void>
}

export async function openQueue(directory: string): Promise<QueueAccess> {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  const close = (): Promise<void> => Promise.resolve()
  switch (await reach(paths.control)) {
    case 'answers':
      return { config, way: 'control', ask: (request) => askControl(paths.control, request), close }
    case 'forbidden': {
      const open = publicPaths(config)
      if ((await reach(open.socket)) === 'answers')
        return { config, way: 'public', ask: (request) => askPublic(open, request), close }
      break
    }
    case 'absent':
      if (existsSync(paths.database) && serverLockHolder(paths.dir) === undefined)
        return openDatabase(directory, config)
      break
    default:
  }
  const ask = (): Promise<ControlAnswer> => Promise.resolve({ ok: false, error: 'mail system is down' })
  return { config, way: 'none', ask, close }
}

async function reach(socket: string): Promise<'answers' | 'forbidden' | 'absent'> {
  try {
    await askControl(socket, { command: 'ping' })
    return 'answers'
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : ''
    return code === 'EACCES' || code === 'EPERM' ? 'forbidden' : 'absent'
  }
}

function openDatabase(directory: string, config: Config): QueueAccess {
  const paths = dataPaths(config)
  actAsOwner(paths)
  const lock = takeServerLock(paths.dir, paths.database)
  const rooms = openRooms({ directory, thread: 0, shared: makeSharedMemory(), migrated: false })
  return {
    config,
    way: 'database',
    ask: (request) => answerQueue(rooms, request),
    async close() {
      await rooms.close()
      lock.release()
    },
  }
}

/** The answer's facts, or an error with its words. */
export async function asked(
  queue: QueueAccess,
  request: ControlRequest,
): Promise<Extract<ControlAnswer, { ok: true }>> {
  const answer = await queue.ask(request)
  if (!answer.ok) throw new QueueRefusal(answer.error)
  return answer
}

/** The queue's answer is no. */
export class QueueRefusal extends Error {}
