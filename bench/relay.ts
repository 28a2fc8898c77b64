/**
 * `node bench/relay.ts` (`--quick`): mail for other hosts, in by SMTP, through the queue, out by SMTP; messages a second from the
 * first in to the last out, and CPU a message, beside Debian's Postfix in the same run.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { run } from './load.ts'
import { MAIN_CF } from './main-cf.ts'
import { startOurs } from './ours.ts'
import { startPostfix } from './postfix.ts'
import { cpuMs, peakMib } from './usage.ts'

const SESSIONS = 10
const OCTETS = 10_240
/** All mail is for one destination: a smarthost. */
const RECIPIENT = 'x@relay.example'

const OWN_MAIN_CF = `${MAIN_CF}mynetworks = 127.0.0.0/8
smtpd_tls_security_level = none
smtp_tls_security_level = none
`

interface Relay {
  readonly name: string
  readonly pid: number
  readonly port: number
  stop(): Promise<void>
}

const answer = <T>(child: ChildProcess): Promise<T> =>
  new Promise((resolve) => child.once('message', (message) => resolve(message as T))) // words of our own processes

async function startPostigo(sinkPort: number): Promise<Relay> {
  const ours = await startOurs(`${OWN_MAIN_CF}relayhost = [127.0.0.1]:${sinkPort}\n`)
  return { name: 'postigo', pid: ours.pid, port: ours.ports['smtp'] ?? 0, stop: () => ours.stop() }
}

function startTheirs(sinkPort: number): Relay | undefined {
  const peer = startPostfix(`relayhost = [127.0.0.1]:${sinkPort}\nsmtp_tls_security_level = none\n`)
  if (peer === undefined) return undefined
  return { name: 'postfix', pid: peer.pid, port: peer.port, stop: () => Promise.resolve(peer.stop()) }
}

async function measure(relay: Relay, sink: ChildProcess, messages: number): Promise<string> {
  const taken = async (): Promise<number> => {
    sink.send('taken')
    return (await answer<{ taken: number }>(sink)).taken
  }
  const before = await taken()
  const cpuBefore = cpuMs(relay.pid)
  const from = performance.now()
  const load = { port: relay.port, recipient: RECIPIENT, sessions: SESSIONS, octets: OCTETS, connectEach: false }
  const inSeconds = await run({ ...load, messages })
  while ((await taken()) - before < messages) await new Promise((wake) => setTimeout(wake, 20))
  const seconds = (performance.now() - from) / 1000
  const cpu = cpuMs(relay.pid) - cpuBefore
  return [
    relay.name.padEnd(8),
    String(messages).padStart(8),
    (messages / seconds).toFixed(0).padStart(10),
    (messages / inSeconds).toFixed(0).padStart(13),
    (cpu / messages).toFixed(2).padStart(14),
    peakMib(relay.pid).toFixed(0).padStart(8),
  ].join('  ')
}

export async function benchRelay(quick: boolean): Promise<void> {
  const sink = fork(join(import.meta.dirname, 'sink.ts'), { execArgv: ['--disable-warning=ExperimentalWarning'] })
  const { port } = await answer<{ port: number }>(sink)
  console.log(`relay, ${OCTETS / 1024} KiB, ${SESSIONS} sessions in`)
  console.log('server    messages  messages/s  accepted/s  CPU ms/message  peak MiB')
  for (const start of [startPostigo, startTheirs]) {
    const relay = await start(port)
    if (relay === undefined) {
      console.log('Postfix is not measured: it is not installed, or this is not root (apt-get install postfix)')
      continue
    }
    try {
      const many = quick ? 300 : relay.name === 'postfix' ? 1000 : 3000
      await measure(relay, sink, 100) // warm
      console.log(await measure(relay, sink, many))
    } finally {
      await relay.stop()
    }
  }
  sink.send('stop')
}

if (process.argv[1] === import.meta.filename) await benchRelay(process.argv.includes('--quick'))
