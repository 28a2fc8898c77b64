/**
 * SMTP in to a local mailbox: messages a second, CPU a message, fsyncs a message and peak memory, beside Debian's Postfix where
 * it is installed, and beside the floor (floor.ts).
 */
import { fork } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Load, run } from './load.ts'
import { MAIN_CF } from './main-cf.ts'
import { startOurs } from './ours.ts'
import { type Peer, startPostfix } from './postfix.ts'
import { cpuMs, peakMib } from './usage.ts'

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

async function ours(): Promise<Target> {
  const server = await startOurs(OWN_MAIN_CF)
  return {
    name: 'postigo',
    pid: server.pid,
    port: server.ports['smtp'] ?? 0,
    recipient: 'bench1@bench.example',
    syncs: async () => (await server.ask<{ syncs: number }>('syncs')).syncs,
    settled: () => Promise.resolve(), // 250 means delivered
    stop: () => server.stop(),
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

export async function benchSmtp(quick: boolean): Promise<void> {
  const peer = startPostfix()
  const floors = [await startFloor('bare'), await startFloor('rows')]
  const targets = [await ours(), ...(peer === undefined ? [] : [asTarget(peer)])]
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
}
