/** The least that an idle connection costs in Node: accepted sockets with a handler of data that answers one line, plain or TLS. */
import { readFileSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { createSecureContext, TLSSocket } from 'node:tls'

const [certificate] = process.argv.slice(2)
const sockets = new Set<Socket>()

function onData(this: Socket): void {
  this.write('* OK\r\n')
}

function keep(socket: Socket): void {
  sockets.add(socket)
  socket.on('error', () => socket.destroy())
  socket.on('data', onData)
  socket.on('close', () => sockets.delete(socket))
  socket.write('* OK\r\n')
}

function accept(plain: Socket): void {
  if (certificate === undefined) return keep(plain)
  const socket = new TLSSocket(plain, { isServer: true, secureContext })
  socket.once('secure', () => keep(socket))
}

const pem = certificate === undefined ? undefined : readFileSync(certificate)
const secureContext = pem === undefined ? undefined : createSecureContext({ key: pem, cert: pem })
const server = createServer({ allowHalfOpen: true, noDelay: true }, accept)
server.listen(0, '127.0.0.1', () => {
  const at = server.address()
  if (typeof at === 'object' && at !== null) process.send?.({ ports: { imap: at.port, imaps: at.port } })
})
process.on('message', (message) => {
  if (message !== 'memory') process.exit()
  globalThis.gc?.()
  process.send?.({ memory: process.memoryUsage() })
})
