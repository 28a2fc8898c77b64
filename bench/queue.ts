/**
 * `node bench/queue.ts` (`--quick`): what a full queue costs, and who waits for whom.
 *
 * - 100,000 recipients that are due: memory and start beside a server with an empty queue.
 * - 10,000 recipients of one message over 100 destinations, half of them slow: time until the fast half is done, and how long
 *   single messages that come meanwhile wait.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server as NetServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Server } from '../src/main/server/server.ts'
import { MAIN_CF } from './main-cf.ts'
import { cpuMs, pssMib } from './usage.ts'

const DOMAINS = 100
/** What a slow host takes its time for, at each of its replies. */
const SLOW_MS = 500

const OWN_MAIN_CF = `${MAIN_CF}single_thread = yes
smtp_tls_security_level = none
`

function directoryOf(more: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-queue-'))
  writeFileSync(join(dir, 'main.cf'), OWN_MAIN_CF + more)
  return dir
}

/** A host that answers after a while, or never greets; counts what it takes. */
async function host(
  delayMs: (address: string) => number,
  onMessage: (address: string, subject: string) => void,
): Promise<NetServer> {
  const server = createServer({ noDelay: true }, (socket) => {
    const address = socket.localAddress ?? ''
    let text = ''
    let inData = false
    const say = (line: string): void => {
      const wait = delayMs(address)
      if (wait === Infinity) return
      if (wait === 0) socket.write(line)
      else setTimeout(() => socket.write(line), wait)
    }
    socket.on('error', () => socket.destroy())
    say('220 far.test\r\n')
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      for (let end; (end = text.indexOf(inData ? '\r\n.\r\n' : '\r\n')) >= 0;) {
        const line = text.slice(0, end)
        text = text.slice(end + (inData ? 5 : 2))
        if (inData) {
          inData = false
          onMessage(address, /^Subject: (.*)$/m.exec(line)?.[1]?.trim() ?? '')
          say('250 2.0.0 Ok\r\n')
        } else if (/^DATA/i.test(line)) {
          inData = true
          say('354 go\r\n')
        } else if (/^QUIT/i.test(line)) socket.end('221 bye\r\n')
        else say('250 Ok\r\n')
      }
    })
  })
  await new Promise<void>((listening) => server.listen(0, '0.0.0.0', () => listening()))
  return server
}

const portOf = (server: NetServer): number => {
  const at = server.address()
  return typeof at === 'object' && at !== null ? at.port : 0
}

async function submit(server: Server, subject: string, recipients: readonly string[]): Promise<void> {
  const submission = server.rooms.current.intake.open(
    { origin: 'internal', clientAddress: '', clientName: '', helo: '', protocol: '', rewriteHeaders: false },
    { effects: [], recipients: 0, firstRecipient: '' },
  )
  if ('code' in submission) throw new Error(submission.lines.join(' '))
  await submission.write(Buffer.from(`Subject: ${subject}\r\n\r\nhello\r\n`))
  const envelope = { sender: '', recipients: recipients.map((address) => ({ address })), smtpUtf8: false }
  const reply = await submission.finish(envelope)
  if (reply.code !== 250) throw new Error(reply.lines.join(' '))
}

interface Started {
  readonly readyMs: number
  /** Until it listened, and a little later, when all that is due has been looked at. */
  readonly readyCpuMs: number
  readonly cpuMs: number
  readonly mib: number
}

/** Starts the server in a process of its own; answers what that cost and what it holds a little later. */
async function startOnce(dir: string): Promise<Started> {
  const from = performance.now()
  const child = fork(join(import.meta.dirname, 'server.ts'), [dir], {
    execArgv: ['--disable-warning=ExperimentalWarning', '--external-memory-accounted-in-global-limit'],
  })
  await new Promise((ready) => child.once('message', ready))
  const readyMs = performance.now() - from
  const readyCpuMs = cpuMs(child.pid ?? 0)
  await new Promise((wake) => setTimeout(wake, 4000))
  const mib = pssMib(child.pid ?? 0)
  const allCpuMs = cpuMs(child.pid ?? 0)
  const gone = new Promise((exit) => child.once('exit', exit))
  child.send('stop')
  await gone
  return { readyMs, readyCpuMs, cpuMs: allCpuMs, mib }
}

async function fullQueue(held: number): Promise<void> {
  const silent = await host(
    () => Infinity,
    () => {},
  )
  const dir = directoryOf(
    `transport_maps = inline:{ {full.test=smtp:[127.0.0.1]:${portOf(silent)}} }\ndefer_transports =\ninitial_destination_concurrency = 1\ndefault_destination_concurrency_limit = 1\ndefault_destination_recipient_limit = 10\nsmtp_helo_timeout = 300s\n`,
  )
  await startOnce(dir) // makes the files, and warms the cache of compiled code
  const empty = await startOnce(dir)
  const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
  for (let n = 0; n < held; n += 1000)
    await submit(
      server,
      `m${n}`,
      Array.from({ length: 1000 }, (_, i) => `user${n + i}@full.test`),
    )
  await server.stop()
  const full = await startOnce(dir)
  silent.close()
  rmSync(dir, { recursive: true })
  console.log(
    `${held} recipients due: ${(full.mib - empty.mib).toFixed(1)} MiB more (${full.mib.toFixed(0)} against ${empty.mib.toFixed(0)}); ` +
      `start ${full.readyMs.toFixed(0)} ms, ${full.readyCpuMs} ms of CPU; with an empty queue ${empty.readyMs.toFixed(0)} ms, ${empty.readyCpuMs} ms of CPU; ` +
      `4 s later ${full.cpuMs} ms of CPU against ${empty.cpuMs}`,
  )
}

async function fairness(list: number): Promise<void> {
  const arrived = new Map<string, number>()
  let fast = 0
  let slow = 0
  const isSlow = (address: string): boolean => Number(address.split('.')[3]) % 2 === 1
  const far = await host(
    (address) => (isSlow(address) ? SLOW_MS : 0),
    (address, subject) => {
      if (subject !== 'list') arrived.set(subject, performance.now())
      else if (isSlow(address)) slow++
      else fast++
    },
  )
  const port = portOf(far)
  const routes = Array.from({ length: DOMAINS }, (_, i) => `{d${i}.test=smtp:[127.0.1.${i}]:${port}}`)
  const dir = directoryOf(
    `transport_maps = inline:{ ${routes.join(' ')} {single.test=smtp:[127.0.2.2]:${port}} }\ndefault_destination_recipient_limit = 2\n`,
  )
  const { server } = await Server.start({ directory: dir, portOffset: 0, freePorts: true, singleThread: true })
  const from = performance.now()
  await submit(
    server,
    'list',
    Array.from({ length: list }, (_, i) => `user${i}@d${i % DOMAINS}.test`),
  )
  const waits: number[] = []
  const half = list / 4 // two recipients a delivery, half of them fast
  for (let n = 0; fast < half; n++) {
    const began = performance.now()
    // To a fast host of its own, and to one that the list is busy with.
    await submit(server, `single${n}`, [n % 2 === 0 ? `x@single.test` : `x@d${(n * 2) % DOMAINS}.test`])
    while (!arrived.has(`single${n}`)) await new Promise((wake) => setTimeout(wake, 2))
    waits.push((arrived.get(`single${n}`) ?? 0) - began)
    await new Promise((wake) => setTimeout(wake, 20))
  }
  const took = performance.now() - from
  waits.sort((a, b) => a - b)
  console.log(
    `${list} recipients over ${DOMAINS} destinations, half of them slow: the fast half done after ${took.toFixed(0)} ms, ` +
      `${slow} of ${half} slow deliveries by then; ${waits.length} single messages meanwhile waited ` +
      `${(waits[Math.floor(waits.length / 2)] ?? 0).toFixed(0)} ms (median), ${(waits.at(-1) ?? 0).toFixed(0)} ms (longest)`,
  )
  await server.stop()
  far.close()
  rmSync(dir, { recursive: true })
}

export async function benchQueue(quick: boolean): Promise<void> {
  const [held, list] = quick ? [10_000, 1000] : [100_000, 10_000]
  await fullQueue(held)
  if (!process.argv.includes('--start')) await fairness(list)
}

if (process.argv[1] === import.meta.filename) {
  await benchQueue(process.argv.includes('--quick'))
  process.exit(0)
}
