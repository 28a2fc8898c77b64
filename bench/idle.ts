/**
 * What a connection costs that waits in IDLE: the slope of memory between two numbers of connections, so that what a server
 * costs at rest does not count; beside it the floor (idle-floor.ts). And how long a new message takes to be told to all.
 * By itself: `node bench/idle.ts [--quick]`.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect as netConnect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as tlsConnect } from 'node:tls'
import { selfSigned } from '../src/io/net/mod.ts'
import { run as deliver } from './load.ts'
import { MAIN_CF } from './main-cf.ts'

const OWN_MAIN_CF = `${MAIN_CF}mailbox_services = imap, imaps
`
/** Opened at the same time; more would measure the listen queue. */
const AT_ONCE = 16
const DIALOGUE = ['a LOGIN bench1 secret', 'b SELECT INBOX', 'c IDLE']

interface Memory {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
}
interface Server {
  readonly name: string
  readonly child: ChildProcess
  readonly ports: Readonly<Record<string, number>>
}

const answer = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve) => child.once('message', (message) => resolve(message as T))) // the words of server.ts and idle-floor.ts

async function start(name: string, file: string, args: string[]): Promise<Server> {
  const child = fork(join(import.meta.dirname, file), args, {
    execArgv: ['--expose-gc', '--disable-warning=ExperimentalWarning', '--max-semi-space-size=4'],
  })
  const { ports } = await answer<{ ports: Record<string, number> }>(child)
  return { name, child, ports }
}

async function stop({ child }: Server): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve))
  child.send('stop')
  await gone
}

/** Memory when all that may be freed was freed: the proportional share of the process, and the heap of JavaScript. */
async function memoryOf({ child }: Server): Promise<Memory & { readonly pss: number }> {
  await new Promise((wake) => setTimeout(wake, 500))
  child.send('memory')
  const { memory } = await answer<{ memory: Memory }>(child)
  const rollup = readFileSync(`/proc/${child.pid}/smaps_rollup`, 'latin1')
  return { ...memory, pss: Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024 }
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
    const port = this.#server.ports[this.#tls ? 'imaps' : 'imap'] ?? 0
    const answered = this.#server.name === 'postigo' ? /^(?:\w OK|\+) .*\r\n/m : /^\* OK\r\n/m
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

/** Milliseconds from 250 until the last of `count` was told, the middle of several messages. */
async function fanOut(server: Server, watchers: Watchers, count: number, messages: number): Promise<number> {
  const times: number[] = []
  for (let i = 0; i < messages; i++) {
    let told = 0
    let last: () => void = () => {}
    const all = new Promise<void>((resolve) => (last = resolve))
    watchers.onExists = () => ++told === count && last()
    const port = server.ports['smtp'] ?? 0
    await deliver({
      port,
      recipient: 'bench1@bench.example',
      sessions: 1,
      messages: 1,
      octets: 1024,
      connectEach: false,
    })
    const from = performance.now()
    await all
    times.push(performance.now() - from)
  }
  return times.toSorted((a, b) => a - b)[messages >> 1] ?? 0
}

async function measure(server: Server, tls: boolean, few: number, many: number): Promise<string[]> {
  const watchers = new Watchers(server, tls)
  try {
    await watchers.open(few)
    const told = server.name === 'postigo' ? (await fanOut(server, watchers, few, 7)).toFixed(0) : ''
    const before = await memoryOf(server)
    await watchers.open(many)
    const after = await memoryOf(server)
    const kib = (key: 'pss' | 'heapUsed' | 'external'): string =>
      ((after[key] - before[key]) / (many - few) / 1024).toFixed(1)
    return [server.name, tls ? 'TLS' : 'plain', `${few} → ${many}`, kib('pss'), kib('heapUsed'), kib('external'), told]
  } finally {
    watchers.close()
  }
}

/** Prints the table. */
export async function benchIdle(quick: boolean): Promise<void> {
  const [few, many] = quick ? [200, 600] : [1000, 3000]
  const dir = mkdtempSync(join(tmpdir(), 'postigo-idle-'))
  const widths = [10, 6, 12, 9, 9, 12, 22]
  const row = (cells: readonly string[]): string => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')
  console.log(row(['server', '', 'in IDLE', 'KiB each', 'heap KiB', 'external KiB', 'ms from 250 to the last']))
  try {
    writeFileSync(join(dir, 'main.cf'), OWN_MAIN_CF)
    const pem = join(dir, 'floor.pem')
    const { cert, key } = selfSigned(['bench.example'], Date.now())
    writeFileSync(pem, key + cert)
    for (const tls of [false, true]) {
      // A process for each, so that the pages of one are not those that another has freed.
      const postigo = await start('postigo', 'server.ts', [dir])
      console.log(row(await measure(postigo, tls, few, many)))
      await stop(postigo)
      const floor = await start('floor', 'idle-floor.ts', tls ? [pem] : [])
      console.log(row(await measure(floor, tls, few, many)))
      await stop(floor)
    }
  } finally {
    rmSync(dir, { recursive: true })
  }
}

if (import.meta.main) await benchIdle(process.argv.includes('--quick'))
