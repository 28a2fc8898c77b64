/** A message handed in step by step to a server that may die at any of them. */
import { connect } from 'node:net'

/** Says each step when the one before was taken. True: the last was accepted; false: anything else, also that nobody answers. */
export function handIn(port: number, steps: readonly string[]): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const left = [...steps]
  let text = ''
  return new Promise((resolve) => {
    const done = (accepted: boolean): void => {
      socket.destroy()
      resolve(accepted)
    }
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let reply; (reply = /^(?:\d{3}-[^\n]*\n)*(\d)\d\d [^\n]*\n/.exec(text)) !== null;) {
        text = text.slice(reply[0].length)
        const step = left.shift()
        if (step === undefined) return done(reply[1] === '2')
        if (reply[1] !== '2' && reply[1] !== '3') return done(false)
        socket.write(`${step}\r\n`)
      }
      return undefined
    })
    socket.on('error', () => done(false))
    socket.on('close', () => done(false))
  })
}
