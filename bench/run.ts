/**
 * `npm run bench` (`-- --quick`): messages a second, CPU a message, fsyncs a message and peak memory of SMTP in to a local mailbox,
 * beside Debian's Postfix where it is installed, and beside the floor (floor.ts); then relaying (relay.ts), a full queue (queue.ts), lookups and IDLE (idle.ts). Machines are shared and noisy: judge by CPU and by ratios within one run.
 */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { benchIdle } from './idle.ts'
import { cpuMs, type Load, peakMib, run } from './load.ts'
import { benchLookups } from './lookups.ts'
import { type Peer, startPostfix } from './postfix.ts'
import { benchQueue } from './queue.ts'
import { benchRelay } from './relay.ts'
import { MAIN_CF } from './main-cf.ts'

const quick = process.argv.includes('--quick')

const OWN_MAIN_CF = `${MAIN_CF}mailbox_services = imap
smtpd_tls_security_level = none
`

interface Target {
  readonly name: string
  readonly pid: number
  readonly port: number
  readonly recipient: string
  syncs(): Promise<number | undefined>
  /** Resolves when all is delivered. */
  settled(): Promise<void>
  stop(): Promise<void>
}

async function startOurs(): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-bench-'))
  writeFileSync(join(dir, 'main.cf'), OWN_MAIN_CF)
  const child = fork(join(import.meta.dirname, 'server.ts'), [dir], {
    execArgv: [
      '--disable-warning=ExperimentalWarning',
      '--external-memory-accounted-in-global-limit',
      '--max-semi-space-size=4',
    ],
  })
  const answer = <T>(): Promise<T> =>
    new Promise((resolve) => child.once('message', (message) => resolve(message as T))) // bench/server.ts's words
  const { ports } = await answer<{ ports: Record<string, number> }>()
  return {
    name: 'postigo',
    pid: child.pid ?? 0,
    port: ports['smtp'] ?? 0,
    recipient: 'bench1@bench.example',
    async syncs() {
      child.send('syncs')
      return (await answer<{ syncs: number }>()).syncs
    },
    settled: () => Promise.resolve(), // 250 means delivered
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.send('stop')
      await gone
      rmSync(dir, { recursive: true })
    },
  }
}

/** bench/floor.ts: what a receiver in Node costs at least; `rows`: with the transaction and the log lines of a mailbox. */
async function startFloor(mode: 'bare' | 'rows'): Promise<Target> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-floor-'))
  const child = fork(join(import.meta.dirname, 'floor.ts'), [dir, mode], {
    execArgv: ['--disable-warning=ExperimentalWarning'],
  })
  const { port } = await new Promise<{ port: number }>(
    (resolve) => child.once('message', (message) => resolve(message as { port: number })), // bench/floor.ts's words
  )
  return {
    name: `floor ${mode}`,
    pid: child.pid ?? 0,
    port,
    recipient: 'bench1@bench.example',
    syncs: () => Promise.resolve(undefined),
    settled: () => Promise.resolve(),
    async stop() {
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.send('stop')
      await gone
      rmSync(dir, { recursive: true })
    },
  }
}

function asTarget(peer: Peer): Target {
  return {
    name: 'postfix',
    pid: peer.pid,
    port: peer.port,
    recipient: peer.recipient,
    syncs: () => Promise.resolve(undefined),
    async settled() {
      for (let i = 0; i < 600 && peer.waiting() > 0; i++) await new Promise((wake) => setTimeout(wake, 100))
    },
    stop: () => Promise.resolve(peer.stop()),
  }
}

async function measure(target: Target, load: Omit<Load, 'port' | 'recipient'>): Promise<string[]> {
  const syncsBefore = await target.syncs()
  const cpuBefore = cpuMs(target.pid)
  const seconds = await run({ ...load, port: target.port, recipient: target.recipient })
  await target.settled()
  const cpu = cpuMs(target.pid) - cpuBefore
  const syncs = await target.syncs()
  const perMessage =
    syncs === undefined || syncsBefore === undefined ? '' : ((syncs - syncsBefore) / load.messages).toFixed(2)
  const size = load.octets >= 1_048_576 ? `${load.octets / 1_048_576} MiB` : `${load.octets / 1024} KiB`
  return [
    target.name,
    size,
    `${load.sessions}${load.connectEach ? ' new' : ''}`,
    (load.messages / seconds).toFixed(0),
    (cpu / load.messages).toFixed(2),
    perMessage,
    peakMib(target.pid).toFixed(0),
  ]
}

const peer = startPostfix()
const floors = [await startFloor('bare'), await startFloor('rows')]
const targets = [await startOurs(), ...(peer === undefined ? [] : [asTarget(peer)])]
const columns = ['server', 'size', 'sessions', 'messages/s', 'CPU ms/message', 'fsyncs/message', 'peak MiB']
const widths = [10, 7, 8, 10, 14, 14, 8]
const row = (cells: readonly string[]): string => cells.map((cell, i) => cell.padStart(widths[i] ?? 0)).join('  ')
console.log(row(columns))
try {
  for (const octets of [1024, 10_240, 1_048_576]) {
    for (const sessions of [1, 10, 50]) {
      for (const connectEach of [false, true]) {
        if (connectEach && (octets !== 10_240 || sessions !== 10)) continue
        const beside = octets === 10_240 && sessions === 10 ? floors : []
        for (const target of [...targets, ...beside]) {
          const many = octets > 100_000 ? 60 : target.name === 'postfix' ? 400 : 3000
          const messages = Math.max(sessions, quick ? many / 5 : many)
          console.log(row(await measure(target, { sessions, octets, messages, connectEach })))
        }
      }
    }
  }
  if (peer === undefined)
    console.log('Postfix is not measured: it is not installed, or this is not root (apt-get install postfix)')
} finally {
  for (const target of [...targets, ...floors]) await target.stop()
}
await benchRelay(quick)
await benchQueue(quick)
await benchLookups(quick)
await benchIdle(quick)
