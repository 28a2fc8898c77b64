/**
 * The public socket: what any user of the machine may ask of a running server. Who asks is proven by a file: the client makes
 * one in the maildrop, with its own name inside, and the server looks whose it is. Node has no peer credentials, and a file's
 * owner cannot be forged: it must have one name only and hold that name, so that a link to somebody else's file is none.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync, unlinkSync, writeFileSync } from 'node:fs'
import type { Server } from 'node:net'
import { join } from 'node:path'
import { askControl, type ControlAnswer, type ControlRequest, serveControl } from './control.ts'
import { userById } from '../../mail/delivery/mod.ts'
import { answerDeliver, type DeliverRooms } from './deliver-request.ts'
import { DROP_NAME, type PublicPaths } from './maildrop.ts'
import { answerQueue, type QueueRooms } from './queue-control.ts'
import { isAuthorized } from './users.ts'

/** Everybody may connect. */
const MODE = 0o666
/** At a time; others wait. */
const CONNECTIONS_LIMIT = 100
const IDLE_MS = 10_000

export function servePublic(
  paths: PublicPaths,
  rooms: () => QueueRooms & DeliverRooms,
  onDrop: () => void,
): Promise<Server> {
  return serveControl(paths.socket, (request) => answer(paths, rooms(), request, onDrop), {
    mode: MODE,
    connections: CONNECTIONS_LIMIT,
    idleMs: IDLE_MS,
  })
}

async function answer(
  { maildrop }: PublicPaths,
  rooms: QueueRooms & DeliverRooms,
  request: ControlRequest,
  onDrop: () => void,
): Promise<ControlAnswer> {
  if (request.command === 'ping') return { ok: true }
  if (request.command === 'dropped') {
    onDrop()
    return { ok: true }
  }
  if (request.command === 'deliver') return answerDeliver(maildrop, rooms, request)
  const parameter = request.command === 'queue-list' ? 'authorized_mailq_users' : 'authorized_flush_users'
  if (request.command !== 'queue-list' && request.command !== 'queue-flush')
    return { ok: false, error: 'use of this command is reserved for the superuser' }
  const uid = proven(maildrop, String(request['proof']))
  if (uid === undefined) return { ok: false, error: 'who asks is not known' }
  const user = await userById(uid)
  const always = uid === 0 || user?.name === rooms.current.cf.mail_owner
  if (!always && !(await isAuthorized(rooms.current, parameter, uid))) {
    const what = request.command === 'queue-list' ? 'view' : 'flush'
    return { ok: false, error: `User ${user?.name ?? 'unknown'}(${uid}) is not allowed to ${what} the mail queue` }
  }
  return answerQueue(rooms, request)
}

/** Whose proof it is; it is used up. */
function proven(maildrop: string, name: string): number | undefined {
  if (!DROP_NAME.test(name)) return undefined
  const path = join(maildrop, name)
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const { uid, nlink, size } = fstatSync(fd)
      const held = Buffer.alloc(name.length)
      if (nlink !== 1 || size !== name.length || readSync(fd, held) !== name.length) return undefined
      return held.toString('latin1') === name ? uid : undefined
    } finally {
      closeSync(fd)
      unlinkSync(path)
    }
  } catch {
    return undefined
  }
}

/** Asks as the user that runs this process; rejects when no server listens. */
export async function askPublic({ maildrop, socket }: PublicPaths, request: ControlRequest): Promise<ControlAnswer> {
  const proof = randomBytes(16).toString('hex')
  writeFileSync(join(maildrop, proof), proof, { flag: 'wx', mode: 0o644 })
  try {
    return await askControl(socket, { ...request, proof })
  } finally {
    try {
      unlinkSync(join(maildrop, proof))
    } catch {
      // the server has taken it
    }
  }
}

/** Tells a running server that something lies in the maildrop; without one it is found at the next start. */
export async function tellDropped({ socket }: PublicPaths): Promise<void> {
  await askControl(socket, { command: 'dropped' }, IDLE_MS).catch(() => undefined)
}
