/** An IMAP client for tests whose answers hold what cannot be written down beforehand. */
import { connect } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { TestContext } from 'node:test'
import { PASSWORD } from './server.ts'

export interface Dialogue {
  /** Up to the log-in's tagged answer. */
  readonly greeting: string
  /** All that is said up to the command's tagged answer, as latin1. Lines end in CRLF. */
  ask(command: string | Buffer): Promise<string>
  append(mailbox: string, message: string | Buffer, options?: string): Promise<string>
  /** As it is, without a tag. */
  send(octets: string | Buffer): void
  /** What is said without a command, up to the first line that matches. */
  until(pattern: RegExp): Promise<string>
  close(): void
}

/** How long an answer may keep a test waiting. */
const LIMIT_MS = 20_000

/** @param kind `tls` for a port that speaks TLS from the start */
export async function dialogue(
  t: Pick<TestContext, 'after'>,
  port: number,
  user?: string,
  kind: 'plain' | 'tls' = 'plain',
  limitMs = LIMIT_MS,
): Promise<Dialogue> {
  const address = { port, host: '127.0.0.1', noDelay: true }
  const socket = kind === 'plain' ? connect(address) : connectTls({ ...address, rejectUnauthorized: false })
  t.after(() => socket.destroy())
  let said = ''
  let ended = false
  let wake = (): void => {}
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk
    wake()
  })
  for (const event of ['close', 'error'])
    socket.on(event, () => {
      ended = true
      wake()
    })
  const until = async (pattern: RegExp): Promise<string> => {
    const end = Date.now() + limitMs
    for (;;) {
      const found = pattern.exec(said)
      if (found !== null || ended) {
        const whole = said.slice(0, found === null ? said.length : found.index + found[0].length)
        said = said.slice(whole.length)
        return whole
      }
      if (Date.now() > end) throw new Error(`no ${pattern} in ${JSON.stringify(said)}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 200)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  let tags = 0
  const ask = (command: string | Buffer): Promise<string> => {
    const tag = `t${++tags}`
    socket.write(`${tag} `)
    socket.write(command)
    socket.write('\r\n')
    return until(new RegExp(`(?<=^|\\n)${tag} .*\\r\\n`))
  }
  const greeting = (await until(/\r\n/)) + (user === undefined ? '' : await ask(`LOGIN ${user} ${PASSWORD}`))
  return {
    greeting,
    ask,
    until,
    send: (octets) => void socket.write(octets),
    append: (mailbox, message, options = '') => {
      const octets = Buffer.from(message)
      return ask(Buffer.concat([Buffer.from(`APPEND ${mailbox} ${options}{${octets.length}+}\r\n`), octets]))
    },
    close: () => socket.destroy(),
  }
}
