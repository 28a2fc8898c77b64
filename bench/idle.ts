/**
 * What a connection costs that waits in IDLE: the slope of memory between two numbers of connections, so that what a server
 * costs at rest does not count; beside it Dovecot, and the floor (idle-floor.ts). And how long after the answer to APPEND the
 * watchers are told of the message. By itself: `node bench/idle.ts [--quick]`.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as netConnect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { selfSigned } from '../src/io/net/mod.ts'
import { ImapClient } from './imap/client.ts'
import { message } from './imap/corpus.ts'
import { type MailServer, PASSWORD, startOtherServer, startPostigo, USERS } from './imap/servers.ts'
import { pssMib, quantile } from './usage.ts'

/** Opened at the same time; more would measure the listen queue. */
const AT_ONCE = 16
const DIALOGUE = [`a LOGIN ${USERS[0]} ${PASSWORD}`, 'b SELECT INBOX', 'c IDLE']
/** Messages that the watchers are told of. */
const TOLD = 7
/** Before memory is looked at: Dovecot puts idle connections to sleep after 2 seconds. */
const SETTLE_MS = 6000
/** A watcher that heard nothing in so long counts as having waited so long: Dovecot looks every 30 s where inotify has no room. */
const DEAF_MS = 5000

type Server = Pick<MailServer, 'name' | 'pid' | 'stop'> & {
  readonly ports: { readonly imap: number; readonly imaps: number }
}

/** `idle-floor.ts`, which speaks no IMAP: to each line it answers `* OK`. */
async function startFloor(tls: boolean): Promise<Server> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-idle-'))
  const pem = join(dir, 'floor.pem')
  const { cert, key } = selfSigned(['bench.example'], Date.now())
  writeFileSync(pem, key + cert)
  const child = fork(join(import.meta.dirname, 'idle-floor.ts'), tls ? [pem] : [], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'],
  })
  const { ports } = await new Promise<{ ports: Server['ports'] }>(
    (resolve) => child.once('message', (said) => resolve(said as { ports: Server['ports'] })), // idle-floor.ts's words
  )
  return {
    name: 'floor',
    pid: child.pid ?? 0,
    ports,
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.send('stop')
      await gone
      rmSync(dir, { recursive: true })
    },
  }
}

/** One client that is told of the mailbox; each line of the dialogue is sent after the answer to the one before. */
async function watcher(port: number, tls: boolean, answered: RegExp, onExists: () => void): Promise<Socket> {
  const socket = tls
    ? tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : netConnect(port, '127.0.0.1')
  let wake: (text: string) => void = () => {}
  socket.on('data', (chunk: Buffer) => {
    const text = chunk.toString('latin1')
    if (text.includes(' EXISTS')) onExists()
    wake(text)
  })
  // The floor speaks no IMAP: to each line it answers `* OK`.
  const heard = (wanted: RegExp): Promise<void> =>
    new Promise((resolve, reject) => {
      let seen = ''
      socket.once('error', reject)
      wake = (text) => {
        seen += text
        if (/^\w (?:NO|BAD)/m.test(seen)) reject(new Error(seen))
        if (!wanted.test(seen)) return
        socket.removeListener('error', reject)
        resolve()
      }
    })
  await heard(/^\* OK.*\r\n/m)
  for (const line of DIALOGUE) {
    socket.write(`${line}\r\n`)
    await heard(answered)
  }
  return socket
}

class Watchers {
  readonly #server: Server
  readonly #tls: boolean
  readonly #sockets: Socket[] = []
  #opening = 0
  onExists: () => void = () => {}

  constructor(server: Server, tls: boolean) {
    this.#server = server
    this.#tls = tls
  }

  async open(until: number): Promise<void> {
    const port = this.#server.ports[this.#tls ? 'imaps' : 'imap']
    const answered = this.#server.name === 'floor' ? /^\* OK\r\n/m : /^(?:\w OK|\+) .*\r\n/m
    const one = async (): Promise<void> => {
      while (this.#sockets.length + this.#opening < until) {
        this.#opening++
        const socket = await watcher(port, this.#tls, answered, () => this.onExists())
        this.#opening--
        this.#sockets.push(socket)
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, one))
  }

  close(): void {
    for (const socket of this.#sockets) socket.on('error', () => {}).destroy()
  }
}

/** Milliseconds from the answer to APPEND until each of `count` watchers was told; 0 where that came first. */
async function fanOut(server: Server, watchers: Watchers, count: number): Promise<number[]> {
  const client = await ImapClient.open(server.ports.imap, USERS[0])
  const times: number[] = []
  for (let i = 0; i < TOLD; i++) {
    const told: number[] = []
    let last: () => void = () => {}
    const all = new Promise<void>((resolve) => (last = resolve))
    watchers.onExists = () => {
      if (told.push(performance.now()) === count) last()
    }
    await client.append('INBOX', [message(i)])
    const from = performance.now()
    await Promise.race([all, new Promise((wake) => setTimeout(wake, DEAF_MS))])
    watchers.onExists = () => {}
    times.push(...told.map((at) => Math.max(0, at - from)), ...Array<number>(count - told.length).fill(DEAF_MS))
  }
  await client.logout()
  return times
}

/** INBOX is there and has a message. */
async function warmUp({ ports }: Server): Promise<void> {
  const client = await ImapClient.open(ports.imap, USERS[0])
  await client.command('SELECT INBOX')
  await client.append('INBOX', [message(0)])
  await client.logout()
}

async function settled({ pid }: Server): Promise<number> {
  await new Promise((wake) => setTimeout(wake, SETTLE_MS))
  return pssMib(pid)
}

async function measure(server: Server, tls: boolean, few: number, many: number): Promise<string[]> {
  const watchers = new Watchers(server, tls)
  try {
    if (server.name !== 'floor') await warmUp(server)
    await watchers.open(few)
    const before = await settled(server)
    const times = server.name === 'floor' ? [] : await fanOut(server, watchers, few)
    await watchers.open(many)
    const kib = (((await settled(server)) - before) * 1024) / (many - few)
    const told = times.length === 0 ? ['', ''] : [quantile(times, 0.5).toFixed(1), quantile(times, 0.99).toFixed(1)]
    return [server.name, tls ? 'TLS' : 'plain', `${few} → ${many}`, kib.toFixed(1), ...told]
  } finally {
    watchers.close()
  }
}

/** Prints the table. */
export async function benchIdle(quick: boolean): Promise<void> {
  const [few, many] = quick ? [200, 600] : [1000, 5000]
  const widths = [10, 6, 13, 9, 12, 12]
  const row = (cells: readonly string[]): string => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')
  const watches = Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'latin1'))
  if (watches < many)
    console.log(
      `Dovecot watches by inotify, of which there are ${watches} (sysctl fs.inotify.max_user_instances): it polls for more`,
    )
  console.log(`\n${row(['server', '', 'in IDLE', 'KiB each', 'EXISTS p50', 'p99, ms'])}`)
  for (const tls of quick ? [false] : [false, true]) {
    // A process for each, so that the pages of one are not those that another has freed.
    for (const start of [startPostigo, startOtherServer, () => startFloor(tls)]) {
      const server = await start()
      if (server === undefined) continue
      try {
        console.log(row(await measure(server, tls, few, many)))
      } finally {
        await server.stop()
      }
    }
  }
}

if (import.meta.main) await benchIdle(process.argv.includes('--quick'))
