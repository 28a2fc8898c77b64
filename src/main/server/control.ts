/**
 * The control socket: tools ask the running server over `<data>/control`, one JSON line each way.
 * The directory is the owner's alone (0700), so whoever reaches the socket is the owner or root.
 */
import { chmodSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'

export interface ControlRequest {
  readonly command: string
  readonly [argument: string]: unknown
}

export type ControlAnswer =
  | { readonly ok: true; readonly [fact: string]: unknown }
  | { readonly ok: false; readonly error: string; readonly [fact: string]: unknown }

export type ControlHandler = (request: ControlRequest) => Promise<ControlAnswer>

/** A request longer than this is none of ours. */
const REQUEST_LIMIT = 64 * 1024
/** An answer, with a whole status. */
const ANSWER_LIMIT = 16 * 1024 * 1024

export interface ControlOptions {
  /** File mode of the socket; without it, as the umask has it. */
  readonly mode?: number
  /** At a time. */
  readonly connections?: number
  /** A client that says nothing for so long is left. */
  readonly idleMs?: number
}

export function serveControl(path: string, handle: ControlHandler, options: ControlOptions = {}): Promise<Server> {
  rmSync(path, { force: true }) // a socket left by a server that was killed; the lock file said that none runs
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy())
    if (options.idleMs !== undefined) socket.setTimeout(options.idleMs, () => socket.destroy())
    void answer(socket, handle)
  })
  if (options.connections !== undefined) server.maxConnections = options.connections
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      if (options.mode !== undefined) chmodSync(path, options.mode)
      resolve(server)
    })
  })
}

async function answer(socket: Socket, handle: ControlHandler): Promise<void> {
  let reply: ControlAnswer
  try {
    reply = await handle(parseRequest(await readLine(socket, REQUEST_LIMIT)))
  } catch (error) {
    reply = { ok: false, error: error instanceof Error ? error.message : String(error) }
  }
  // Who goes on talking is not listened to: one request, one answer.
  socket.end(JSON.stringify(reply) + '\n', () => socket.destroy())
}

function parseRequest(line: string): ControlRequest {
  const value: unknown = JSON.parse(line)
  if (typeof value !== 'object' || value === null || !('command' in value) || typeof value.command !== 'string') {
    throw new Error('not a request')
  }
  return { ...value, command: value.command }
}

function readLine(socket: Socket, limit: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const take = (chunk: string): void => {
      const end = chunk.indexOf('\n')
      text += end < 0 ? chunk : chunk.slice(0, end)
      if (end < 0 && text.length <= limit) return
      // What follows is nobody's, and must not gather.
      socket.off('data', take).resume()
      if (text.length > limit) reject(new Error('too long'))
      else resolve(text)
    }
    socket.setEncoding('utf8').on('data', take)
    socket.on('end', () => reject(new Error('no answer')))
    socket.on('error', reject)
  })
}

/** Asks the running server; rejects when none listens there. */
export async function askControl(path: string, request: ControlRequest, timeoutMs = 60_000): Promise<ControlAnswer> {
  const socket = connect(path)
  const limit = setTimeout(() => socket.destroy(new Error('the server does not answer')), timeoutMs)
  try {
    socket.write(JSON.stringify(request) + '\n')
    return JSON.parse(await readLine(socket, ANSWER_LIMIT)) as ControlAnswer // our own server's words
  } finally {
    clearTimeout(limit)
    socket.destroy()
  }
}
