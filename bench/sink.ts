/** A host that takes all mail at once, in a process of its own so that its CPU is nobody's. Says its port, and how many it took when asked. */
import { createServer } from 'node:net'

const USUAL: Readonly<Record<string, string>> = {
  EHLO: '250-sink.bench\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n',
  DATA: '354 go\r\n',
  QUIT: '221 bye\r\n',
}
const END = Buffer.from('\r\n.\r\n')

let taken = 0

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer = Buffer.alloc(0)
  let inData = false
  socket.on('error', () => socket.destroy())
  socket.write('220 sink.bench\r\n')
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let said = ''
    for (;;) {
      const end = rest.indexOf(inData ? END : '\r\n')
      if (end < 0) break
      const verb = inData ? '.' : rest.toString('latin1', 0, 4).toUpperCase()
      rest = rest.subarray(end + (inData ? END.length : 2))
      if (inData) taken++
      inData = verb === 'DATA'
      said += USUAL[verb] ?? '250 2.0.0 Ok\r\n'
      if (verb === 'QUIT') {
        socket.end(said)
        return
      }
    }
    if (said !== '') socket.write(said)
  })
})
server.listen(0, '127.0.0.1', () => {
  const at = server.address()
  process.send?.({ port: typeof at === 'object' && at !== null ? at.port : 0 })
})
process.on('message', (message) => {
  if (message === 'taken') process.send?.({ taken })
  else process.exit(0)
})
