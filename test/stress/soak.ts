/**
 * A server at half of what it can, for long, with everything in its way: kills, reloads, a full disk, clients that dribble,
 * hardly read, or wait in IDLE. As root, on Linux (it mounts a small file system).
 *
 *     node test/stress/soak.ts [--minutes 30] [--part 0.5] [--kills 6] [--disk-mib 3000] [--seed 1]
 *
 * Kills come in the first half, so that the last life is long enough to see whether memory grows. Prints the ledger, memory
 * and descriptors; leaves with 1 where a message is missing or twice, memory grew by more than a tenth, or a descriptor stayed.
 */
import type { ChildProcess } from 'node:child_process'
import { parseArgs } from 'node:util'
import { Books } from '../support/soak/books.ts'
import { SmallDisk } from '../support/soak/disk.ts'
import { sleep } from '../support/soak/lines.ts'
import { NextHop } from '../support/soak/next-hop.ts'
import { dribble, idle, readSlowly } from '../support/soak/nuisances.ts'
import { readByImap, readByPop3 } from '../support/soak/readers.ts'
import { sendAll } from '../support/soak/senders.ts'
import { descriptors, growth, sample, type Sample, total } from '../support/soak/vitals.ts'
import { handIn } from '../support/hand-in.ts'
import { install, kill } from '../support/process.ts'
import { Random } from '../support/random.ts'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    part: { type: 'string', default: '0.5' },
    kills: { type: 'string', default: '6' },
    'disk-mib': { type: 'string', default: '3000' },
    seed: { type: 'string', default: '1' },
  },
})
const lastMs = Number(values.minutes) * 60_000
const random = new Random(Number(values.seed))

const READERS = 8
const SENDERS = 10
const NUISANCES = { dribble: 20, readSlowly: 10, idle: 100 }
const MEASURE_MS = 15_000
const FULL_MS = 4000
const SAMPLE_MS = 5000
/** Between two disturbances, on average. */
const CALM_MS = Math.min(30_000, lastMs / 20)
/** How long all that waits may take to arrive when the load is over. */
const SETTLE_MS = 300_000
const PASSWORD = 'secret'
/** Reads nothing away: what slow readers look at. */
const BIG = { user: 'big', messages: 300, octets: 20_000 }

const MAIN_CF = `
mailbox_services = imap, pop3
mynetworks = 127.0.0.0/8
minimal_backoff_time = 2s
maximal_backoff_time = 10s
queue_run_delay = 1s
expunged_retention = 10s
smtp_tls_security_level = none
smtpd_client_connection_count_limit = 0
smtpd_timeout = 20s
`

const last: (() => unknown)[] = []
const t = { after: (fn: () => unknown): void => void last.unshift(fn) }
const began = performance.now()
const goneS = (): number => (performance.now() - began) / 1000
const say = (text: string): void => console.log(`${goneS().toFixed(0)} s: ${text}`)

async function ok(ran: Promise<{ readonly code: number; readonly err: string }>): Promise<void> {
  const { code, err } = await ran
  if (code !== 0) throw new Error(err)
}

async function soak(): Promise<boolean> {
  const books = new Books()
  const nextHop = new NextHop(books)
  await nextHop.listen()
  t.after(() => nextHop.close())
  const small = new SmallDisk(Number(values['disk-mib']))
  t.after(() => small.remove())
  const it = await install(t)
  it.write('main.cf', `${it.mainCf}${MAIN_CF}data_directory = ${small.path}\nrelayhost = [127.0.0.1]:${nextHop.port}\n`)
  for (const user of [BIG.user, ...Array.from({ length: READERS }, (_, i) => `u${i}`)])
    await ok(it.postigo(['account', 'add', user, '-p'], `${PASSWORD}\n`))
  let server: ChildProcess = await it.foreground()
  const pid = (): number => server.pid ?? 0
  const ports = { smtp: 25 + it.offset, imap: 143 + it.offset, pop3: 110 + it.offset }
  for (let n = 0; n < BIG.messages; n++) await big(ports.smtp, n)

  let isOver = false
  let areReadersOver = false
  let rate = Infinity
  const over = (): boolean => isOver
  const recipient = (n: number): string => (n % 5 === 0 ? `m${n}@far.test` : `u${(n * 7) % READERS}@mail.example.test`)
  const octets = (n: number): number => (n % 100 === 0 ? 200_000 : 500 + ((n * 7919) % 4000))
  const sending = sendAll(books, {
    port: ports.smtp,
    sessions: SENDERS,
    rate: () => rate,
    recipient,
    octets,
    isOver: over,
  })
  const reading = Promise.all(
    Array.from({ length: READERS }, (_, i) =>
      (i % 2 === 0 ? readByPop3 : readByImap)(books, {
        ports,
        user: `u${i}`,
        password: PASSWORD,
        isOver: () => areReadersOver,
      }),
    ),
  )
  const who = { ports, user: BIG.user, password: PASSWORD, isOver: over }
  const nuisances = Promise.all(
    Object.entries({ dribble, readSlowly, idle }).flatMap(([name, work]) =>
      Array.from({ length: NUISANCES[name as keyof typeof NUISANCES] }, () => work(who)),
    ),
  )
  const all = Promise.all([sending, reading, nuisances])
  all.catch(() => (isOver = areReadersOver = true))

  await sleep(MEASURE_MS)
  const capacity = books.given / (MEASURE_MS / 1000)
  rate = capacity * Number(values.part)
  say(`takes ${capacity.toFixed(0)} messages/s with all its readers; goes on with ${rate.toFixed(0)}`)

  let samples: Sample[] = []
  const timer = setInterval(() => samples.push(sample(pid(), goneS())), SAMPLE_MS)
  t.after(() => clearInterval(timer))
  const disturb = {
    kill: async () => {
      await kill(server)
      nextHop.killed(books)
      samples = []
      server = await it.foreground()
    },
    reload: () => ok(it.postigo(['reload'])),
    full: async () => {
      const giveBack = small.fill()
      await sleep(FULL_MS)
      giveBack()
    },
  }
  const counts = { kill: 0, reload: 0, full: 0 }
  const end = performance.now() + lastMs - MEASURE_MS
  for (; performance.now() < end && !isOver;) {
    await sleep(CALM_MS * (0.5 + random.next()))
    const part = 1 - (end - performance.now()) / (lastMs - MEASURE_MS)
    const isKillDue = counts.kill < Number(values.kills) * Math.min(1, part * 2)
    const what = isKillDue ? 'kill' : random.chance(0.5) ? 'reload' : 'full'
    await disturb[what]()
    counts[what]++
    const { pssMib, descriptors: held } = sample(pid(), 0)
    say(
      `${what}; ${books.given} messages, ${pssMib.toFixed(0)} MiB, ${held} descriptors, ${small.usedMib().toFixed(0)} MiB of disk`,
    )
  }
  clearInterval(timer)
  isOver = true
  await Promise.all([sending, nuisances])
  say('no more is sent; waiting for what is on its way')
  for (const until = performance.now() + SETTLE_MS; performance.now() < until && books.missing() > 0;) await sleep(1000)
  areReadersOver = true
  await all
  const { out: queue } = await it.postigo(['mailq'])
  await sleep(15_000)
  const held = descriptors(pid())
  const before = await fresh(
    it,
    () => kill(server),
    (again) => (server = again),
  )
  const { early, late } = growth(samples)
  const account = books.close()
  let left = 0
  for (const [kind, count] of held) {
    const more = count - (before.get(kind) ?? 0)
    if (more > 0) console.log(`${more} more of ${kind}`)
    // Segments of the log and the files of recorded paths are kept open, so many at the most.
    if (more > 0 && !/\/(?:log|paths)\//.test(kind)) left += more
  }
  for (const problem of account.problems) console.log(problem)
  say(
    `${account.given} messages given, ${account.accepted} accepted, ${account.arrived} arrived, ${account.twice} of them twice as a lost reply ` +
      `allows; ${counts.kill} kills, ${counts.reload} reloads, ${counts.full} times a full disk; ${account.problems.length} problems`,
  )
  say(`memory of the last life: ${early.toFixed(0)} MiB in its second quarter, ${late.toFixed(0)} in its last`)
  say(
    `descriptors at rest: ${total(held)}, of a fresh server ${total(before)}; disk ${small.usedMib().toFixed(0)} MiB; ${queue.trimEnd().split('\n').at(-1)}`,
  )
  return account.problems.length === 0 && late < early * 1.1 && left === 0
}

/** The descriptors of a server that has done nothing. */
async function fresh(
  it: Awaited<ReturnType<typeof install>>,
  end: () => Promise<void>,
  begun: (server: ChildProcess) => void,
): Promise<Map<string, number>> {
  await end()
  const server = await it.foreground()
  begun(server)
  await sleep(3000)
  return descriptors(server.pid ?? 0)
}

async function big(port: number, n: number): Promise<void> {
  const text = `Subject: big ${n}\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(BIG.octets / 78)}.`
  const to = `RCPT TO:<${BIG.user}@mail.example.test>`
  if (!(await handIn(port, ['EHLO soak.test', 'MAIL FROM:<outside@else.test>', to, 'DATA', text])))
    throw new Error('the first messages were not taken')
}

try {
  process.exitCode = (await soak()) ? 0 : 1
} finally {
  for (const fn of last) await fn()
}
