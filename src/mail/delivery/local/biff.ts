/** Tells comsat(8) of new mail in an mbox: `user@offset` in one datagram, as local(8) does. Nobody need listen. */
import { createSocket } from 'node:dgram'

/** /etc/services: biff, or comsat. */
export const BIFF_PORT = 512

export function notifyBiff(text: string, port = BIFF_PORT): void {
  const socket = createSocket('udp4')
  const done = (): void => {
    socket.close()
  }
  socket.once('error', done)
  socket.send(`${text}\0`, port, '127.0.0.1', done)
}
