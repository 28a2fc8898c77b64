/** Load: so many SMTP sessions that send so many messages. */
import { connect } from 'node:net'

export interface Load {
  readonly port: number
  readonly recipient: string
  readonly sessions: number
  readonly messages: number
  readonly octets: number
  /** A connection a message instead of kept ones. */
  readonly connectEach: boolean
}

/** A message of so many octets, lines of 76. */
export function message(octets: number): Buffer {
  const head =
    'From: a@bench.example\r\nTo: b@bench.example\r\nSubject: bench\r\nMessage-ID: <bench@bench.example>\r\n\r\n'
  const line = `${'x'.repeat(76)}\r\n`
  return Buffer.from(
    (head + line.repeat(Math.ceil(octets / line.length))).slice(0, Math.max(octets, head.length + 2)) + '\r\n.\r\n',
  )
}

/** One session: pipelined envelope, then the content. Rejects at any refusal. */
async function session(load: Load, content: Buffer, count: () => boolean): Promise<void> {
  while (count()) {
    const socket = connect(load.port, '127.0.0.1')
    socket.setNoDelay(true)
    let text = ''
    let wake: () => void = () => {}
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      wake()
    })
    const reply = async (): Promise<void> => {
      for (;;) {
        const match = /^(?:\d{3}-[^\n]*\n)*(\d)\d\d[ ][^\n]*\n/.exec(text)
        if (match !== null) {
          text = text.slice(match[0].length)
          if (match[1] !== '2' && match[1] !== '3') throw new Error(`refused: ${match[0]}`)
          return
        }
        await new Promise<void>((resolve) => (wake = resolve))
      }
    }
    await reply()
    socket.write('EHLO bench.example\r\n')
    await reply()
    let more = true
    while (more) {
      socket.write(`MAIL FROM:<a@bench.example>\r\nRCPT TO:<${load.recipient}>\r\nDATA\r\n`)
      await reply()
      await reply()
      await reply()
      socket.write(content)
      await reply()
      more = !load.connectEach && count()
    }
    socket.end('QUIT\r\n')
    if (!load.connectEach) return
  }
}

/** Sends all; answers the seconds it took. */
export async function run(load: Load): Promise<number> {
  const content = message(load.octets)
  let left = load.messages
  const start = performance.now()
  await Promise.all(Array.from({ length: load.sessions }, () => session(load, content, () => left-- > 0)))
  return (performance.now() - start) / 1000
}
