/** `postigo queue import` asks whoever has the data: what there is, and then some of it at a time. */
import type { ControlAnswer, ControlRequest } from '../server/control.ts'
import type { Rooms } from '../server/rooms.ts'
import { type PostfixFile, postfixFiles } from './find.ts'
import { type Given, giveMessage, queueIds } from './give.ts'
import { takeInFile, type TakenIn } from './take-in.ts'

/** Messages of one request. */
export const TAKE_LIMIT = 100

export async function answerPostfixQueue(rooms: Rooms, request: ControlRequest): Promise<ControlAnswer> {
  const directory = rooms.current.config.value('queue_directory') ?? ''
  switch (request.command) {
    case 'postfix-queue-list':
      return { ok: true, files: postfixFiles(directory) }
    case 'postfix-queue-take': {
      const wanted = new Set(Array.isArray(request['paths']) ? request['paths'].map(String) : [])
      // Only what stands in the queue directory, whatever was asked for.
      const files = postfixFiles(directory).filter(({ path }) => wanted.has(path))
      return { ok: true, taken: await takeAll(rooms, files.slice(0, TAKE_LIMIT)) }
    }
    case 'postfix-queue-ours':
      return { ok: true, queueIds: queueIds(rooms) }
    case 'postfix-queue-give': {
      const ids = Array.isArray(request['queueIds']) ? request['queueIds'].map(String) : []
      const given: Given[] = []
      for (const id of ids.slice(0, TAKE_LIMIT)) given.push(await giveMessage(rooms, id))
      return { ok: true, given }
    }
    default:
      return { ok: false, error: `unknown request: ${request.command}` }
  }
}

async function takeAll(rooms: Rooms, files: readonly PostfixFile[]): Promise<TakenIn[]> {
  const taken: TakenIn[] = []
  for (const file of files) taken.push(await takeInFile(rooms, file))
  return taken
}
