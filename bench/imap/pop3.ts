/** POP3: a whole maildrop fetched, and a large one looked at: `npm run bench -- pop3`. */
import { connect, type Socket } from 'node:net'
import { ImapClient } from './client.ts'
import { Comparison, type Line, progress } from './compare.ts'
import { message } from './corpus.ts'
import { type MailServer, PASSWORD, startServers, USERS } from './servers.ts'

interface Target {
  readonly server: MailServer
}

const OCTETS = 10_240
const BATCH = 50

/** One POP3 connection; a command is answered before the next is sent. */
class Pop3Client {
  readonly #socket: Socket
  #tail = ''
  #end = '\r\n'
  #wake: (answer: string) => void = () => {}
  #fail: (error: Error) => void = () => {}

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('The connection ended')))
    socket.on('data', (chunk: Buffer) => {
      this.#tail = (this.#tail + chunk.toString('latin1', Math.max(0, chunk.length - 200))).slice(-200)
      if (this.#tail.startsWith('-ERR')) this.#fail(new Error(this.#tail))
      else if (this.#tail.endsWith(this.#end)) this.#wake(this.#tail)
    })
  }

  static async open(port: number, user: string): Promise<Pop3Client> {
    const client = new Pop3Client(connect({ port, host: '127.0.0.1', noDelay: true }))
    await client.#answer('\r\n')
    await client.command(`USER ${user}`)
    await client.command(`PASS ${PASSWORD}`)
    return client
  }

  command(line: string): Promise<string> {
    const answer = this.#answer(/^(?:LIST|UIDL|RETR)/.test(line) ? '\r\n.\r\n' : '\r\n')
    this.#socket.write(`${line}\r\n`)
    return answer
  }

  async quit(): Promise<void> {
    await this.command('QUIT')
    this.#socket.destroy()
  }

  #answer(end: string): Promise<string> {
    this.#tail = ''
    this.#end = end
    return new Promise((resolve, reject) => {
      this.#wake = resolve
      this.#fail = reject
    })
  }
}

/** The second account's INBOX, so many messages of 10 KiB; then copied until there are enough. */
async function fill({ ports }: MailServer, distinct: number, copies: number): Promise<void> {
  const client = await ImapClient.open(ports.imap, USERS[1])
  for (let i = 0; i < distinct; i += BATCH) {
    progress(`filling: ${i} of ${distinct}`)
    await client.append(
      'INBOX',
      Array.from({ length: BATCH }, (_, k) => message(i + k, OCTETS)),
    )
  }
  await client.command('SELECT INBOX')
  for (let i = 0; i < copies; i++) await client.command(`COPY 1:${distinct} INBOX`)
  await client.logout()
}

function lines(count: number, all: number): Line<Target>[] {
  const session = async ({ server }: Target, commands: readonly string[]): Promise<void> => {
    const client = await Pop3Client.open(server.ports.pop3, USERS[1])
    for (const command of commands) await client.command(command)
    await client.quit()
  }
  const retrieve = Array.from({ length: count }, (_, i) => `RETR ${i + 1}`)
  return [
    {
      name: `RETR 10 KiB, ${count} messages`,
      operations: count,
      run: (target) => session(target, ['STAT', 'LIST', 'UIDL', ...retrieve]),
    },
    {
      name: `STAT, LIST, UIDL of ${all} messages`,
      operations: all,
      run: (target) => session(target, ['STAT', 'LIST', 'UIDL']),
    },
  ]
}

/** Prints the table. */
export async function benchPop3(quick: boolean): Promise<void> {
  const servers = await startServers()
  const [count, copies] = quick ? [1000, 9] : [5000, 19]
  try {
    for (const server of servers) await fill(server, count, copies)
    progress('')
    console.log('\nPOP3')
    const comparison = new Comparison(
      servers.map((server) => ({ server })),
      quick ? 2 : 3,
    )
    for (const line of lines(count, count * (copies + 1))) await comparison.line(line)
    comparison.memory()
  } finally {
    for (const server of servers) await server.stop()
  }
}

if (import.meta.main) await benchPop3(process.argv.includes('--quick'))
