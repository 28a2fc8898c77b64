/**
 * One question to one server: UDP from a port and with an id of chance (RFC 5452), TCP when the reply was cut off.
 */
import { createSocket } from 'node:dgram'
import { createConnection, isIPv6 } from 'node:net'
import type { Server } from './resolv-conf.ts'
import { encodeQuery, parseReply, type ParsedReply, type Question } from './wire.ts'

/** Datagrams with another's id or question that one question sees before it gives the server up. */
const MAX_STRANGE = 32

/** The server did not answer, or not in a way that can be used. */
export class NoReply extends Error {}

export interface Asking {
  readonly id: number
  readonly question: Question
  readonly edns: boolean
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

/** Throws NoReply when no usable answer came in time. */
export async function exchange(server: Server, asking: Asking): Promise<ParsedReply> {
  const reply = await overUdp(server, asking)
  return reply.truncated ? overTcp(server, asking) : reply
}

function overUdp(server: Server, { id, question, edns, timeoutMs, signal }: Asking): Promise<ParsedReply> {
  const { promise, resolve, reject } = Promise.withResolvers<ParsedReply>()
  const socket = createSocket(isIPv6(server.address) ? 'udp6' : 'udp4')
  const fail = (why: string): void => reject(new NoReply(`${server.address}: ${why}`))
  const timer = setTimeout(() => fail('no reply in time'), timeoutMs)
  const onAbort = (): void => fail('stopped')
  signal.addEventListener('abort', onAbort)
  let strange = 0
  socket.on('error', (error) => fail(error.message))
  socket.on('message', (message) => {
    const reply = parseReply(message, id, question)
    if (reply !== undefined) resolve(reply)
    else if (++strange > MAX_STRANGE) fail('only replies to other questions')
  })
  // Connected: the kernel drops what other hosts send to this port, and tells of a closed port at once.
  socket.connect(server.port, server.address, () => {
    socket.send(encodeQuery(id, question, edns), (error) => {
      if (error !== null) fail(error.message)
    })
  })
  return promise.finally(() => {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
    socket.close()
  })
}

function overTcp(server: Server, { id, question, edns, timeoutMs, signal }: Asking): Promise<ParsedReply> {
  const { promise, resolve, reject } = Promise.withResolvers<ParsedReply>()
  const socket = createConnection({ host: server.address, port: server.port, signal })
  const fail = (why: string): void => reject(new NoReply(`${server.address}: ${why}`))
  const timer = setTimeout(() => fail('no reply in time'), timeoutMs)
  let seen: Buffer = Buffer.alloc(0)
  socket.on('error', (error) => fail(error.message))
  socket.on('close', () => fail('connection closed'))
  socket.on('connect', () => {
    const query = encodeQuery(id, question, edns)
    socket.write(Buffer.concat([Buffer.from([query.length >> 8, query.length & 0xff]), query]))
  })
  socket.on('data', (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk]) // at most 64 KiB: the length is 16 bits
    if (seen.length < 2 || seen.length < 2 + seen.readUInt16BE(0)) return
    const reply = parseReply(seen.subarray(2, 2 + seen.readUInt16BE(0)), id, question)
    if (reply === undefined || reply.truncated) fail('a reply that is none')
    else resolve(reply)
  })
  return promise.finally(() => {
    clearTimeout(timer)
    socket.destroy()
  })
}
