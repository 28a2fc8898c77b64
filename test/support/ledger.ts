/**
 * The queue's ledger: messages for hosts in every failing mood, a server that is killed meanwhile, and the account of each
 * recipient at the end. Accepted is delivered + returned + queued.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './client.ts'
import { handIn } from './hand-in.ts'
import { MOODS, MoodySink } from './moody-sink.ts'
import { type After, install, type Installation, kill } from './process.ts'
import { Random } from './random.ts'
import { type Fate, hasSmtpSink, SINK_MOODS, SmtpSinks } from './smtp-sinks.ts'

export interface LedgerOptions {
  readonly messages: number
  readonly kills: number
  readonly seed: number
  /** How long the client waits for a host, and at least between two attempts. */
  readonly waitMs: number
  /** When mail is given up, and how long all may take after the last message came in. */
  readonly lifetimeMs: number
  readonly limitMs: number
  readonly say?: (text: string) => void
}

/** The account at the end. */
export interface Ledger {
  /** Recipients of accepted messages. */
  readonly accepted: number
  readonly delivered: number
  readonly returned: number
  readonly queued: number
  /** Both taken and returned: the reply to the message was lost, and a later answer was no. */
  readonly both: number
  /** What must not be. */
  readonly problems: readonly string[]
}

/** Clients at a time. */
const CLIENTS = 8

const SETTINGS = `
maximal_backoff_time = 10s
queue_run_delay = 1s
smtp_skip_5xx_greeting = no
smtp_tls_security_level = none
smtpd_client_connection_count_limit = 0
delay_warning_time = 0
`

/** Each of the client's time limits. */
const LIMITS = ['connect', 'helo', 'mail', 'rcpt', 'data_init', 'data_xfer', 'data_done', 'quit']

/** `d7.test` is the moody sink's, `s7.test` Debian's. */
function routes(moody: MoodySink, sinks: SmtpSinks | undefined, port: number): string {
  const own = MOODS.map((_, n) => `d${n}.test smtp:[127.0.2.${n + 1}]:${moody.port}`)
  const theirs =
    sinks === undefined
      ? []
      : SINK_MOODS.map((mood, n) => {
          const transport = mood.includes('-L') ? 'lmtp' : 'smtp'
          return `s${n}.test ${transport}:[${sinks.addressOf(n)}]:${port}`
        })
  return [...own, ...theirs].map((line) => `${line}\n`).join('')
}

export async function keepLedger(t: After, options: LedgerOptions): Promise<Ledger> {
  const { say = () => {} } = options
  const moody = new MoodySink((address) => MOODS[Number(address.split('.')[3]) - 1] ?? MOODS[0]!)
  await moody.listen()
  t.after(() => moody.close())
  const waitS = Math.ceil(options.waitMs / 1000)
  const lifetime = `${Math.ceil(options.lifetimeMs / 1000)}s`
  const place = await install(
    t,
    `${SETTINGS}minimal_backoff_time = ${waitS}s\n${LIMITS.map((what) => `smtp_${what}_timeout = ${waitS}s\nlmtp_${what === 'helo' ? 'lhlo' : what}_timeout = ${waitS}s\n`).join('')}transport_maps = texthash:$config_directory/transport\nmaximal_queue_lifetime = ${lifetime}\nbounce_queue_lifetime = ${lifetime}\n`,
  )
  const dumps = join(place.dir, 'dumps')
  mkdirSync(dumps)
  const port = 20_000 + (process.pid % 20_000)
  const sinks = hasSmtpSink ? new SmtpSinks(dumps, port) : undefined
  t.after(() => sinks?.stop())
  await sinks?.start()
  place.write('transport', routes(moody, sinks, port))
  assert.equal((await place.postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  const accepted = await sendAll(place, options, sinks !== undefined)
  say(`${accepted.size} recipients accepted`)
  await quiet(place, options.limitMs, say)
  const queued = queuedOf((await place.postigo(['postqueue', '-j'])).out)
  const returned = await returnedTo(place)
  await sinks?.stop()
  const taken = new Set(moody.taken)
  for (const n of SINK_MOODS.keys())
    if (SINK_MOODS[n]?.[0] === 'taken' || SINK_MOODS[n]?.[0] === 'late')
      for (const to of sinks?.taken(n) ?? []) taken.add(to)
  return account({ accepted, taken, returned, queued }, readFileSync(join(place.dir, 'mail.log'), 'latin1'))
}

interface Books {
  readonly accepted: ReadonlySet<string>
  readonly taken: ReadonlySet<string>
  readonly returned: ReadonlyMap<string, number>
  readonly queued: ReadonlySet<string>
}

function account({ accepted, taken, returned, queued }: Books, log: string): Ledger {
  const problems: string[] = []
  const logged = (pattern: RegExp): Set<string> => new Set(Array.from(log.matchAll(pattern), ([, to]) => to ?? ''))
  const sent = logged(/: to=<([^>]*)>,.* status=sent \(/g)
  let delivered = 0
  let both = 0
  for (const to of accepted) {
    const fate = fateOf(to)
    const isTaken = taken.has(to)
    if (isTaken) delivered++
    if (isTaken && returned.has(to)) both++
    if (!isTaken && !returned.has(to) && !queued.has(to)) problems.push(`${to} is nowhere`)
    if (sent.has(to) && !isTaken) problems.push(`${to} was logged as sent, and no host took it`)
    if (fate === 'taken' && !isTaken) problems.push(`${to} did not arrive at a host that takes mail`)
    if (fate === 'refused' && !returned.has(to)) problems.push(`${to} was refused, and nobody was told`)
    if (fate === 'waits' && isTaken) problems.push(`${to} was taken by a host that takes nothing`)
  }
  const counted = (of: ReadonlySet<string> | ReadonlyMap<string, number>): number =>
    [...of.keys()].filter((to) => accepted.has(to) && !taken.has(to)).length
  return {
    accepted: accepted.size,
    delivered,
    returned: counted(returned),
    queued: [...queued].filter((to) => accepted.has(to) && !taken.has(to) && !returned.has(to)).length,
    both,
    problems,
  }
}

function fateOf(to: string): Fate | undefined {
  const [, n] = /@s(\d+)\.test$/.exec(to) ?? []
  return n === undefined ? undefined : SINK_MOODS[Number(n)]?.[0]
}

/** Recipients of the messages that got their 250. */
async function sendAll(
  place: Installation,
  { messages, kills, seed, say = () => {} }: LedgerOptions,
  withSinks: boolean,
): Promise<Set<string>> {
  const random = new Random(seed)
  const domains = [...MOODS.map((_, n) => `d${n}.test`), ...(withSinks ? SINK_MOODS.map((_, n) => `s${n}.test`) : [])]
  let server: ChildProcess = await place.foreground()
  const accepted = new Set<string>()
  let done = 0
  let next = 0
  const client = async (): Promise<void> => {
    while (next < messages) {
      const n = next++
      // Each kind in turn, and a second one at random.
      const to = [...new Set([domains[n % domains.length]!, domains[random.below(domains.length)]!])]
      const recipients = to.map((domain) => `m${n}@${domain}`)
      while (!(await send(25 + place.offset, n, recipients))) await new Promise((wake) => setTimeout(wake, 20))
      for (const recipient of recipients) accepted.add(recipient)
      done++
    }
  }
  const sending = Promise.all(Array.from({ length: CLIENTS }, client))
  for (let n = 1; n <= kills; n++) {
    while (done < (n * messages) / (kills + 1)) await new Promise((wake) => setTimeout(wake, 5))
    await kill(server)
    say(`killed (${n}) after ${done} messages`)
    server = await place.foreground()
  }
  await sending
  return accepted
}

/** Waits until nothing is in the queue, or the limit is over: what is there then is queued. */
async function quiet(place: Installation, limitMs: number, say: (text: string) => void): Promise<void> {
  const end = Date.now() + limitMs
  for (let told = Date.now(); Date.now() < end;) {
    const { out } = await place.postigo(['mailq'])
    if (out.startsWith('Mail queue is empty')) return
    if (Date.now() - told > 10_000) {
      told = Date.now()
      say(out.trimEnd().split('\n').at(-1) ?? '')
    }
    await new Promise((wake) => setTimeout(wake, 500))
  }
}

function queuedOf(listing: string): Set<string> {
  const queued = new Set<string>()
  for (const line of listing.split('\n')) {
    if (line === '') continue
    const { recipients } = JSON.parse(line) as { recipients: { address: string }[] } // postqueue -j's own words
    for (const { address } of recipients) queued.add(address)
  }
  return queued
}

/** Recipients that reports in the sender's mailbox tell of, and how often. */
async function returnedTo(place: Installation): Promise<Map<string, number>> {
  const script = `
import imaplib,re
m=imaplib.IMAP4('127.0.0.1',${143 + place.offset}); m.login('ana','secret')
n=int(m.select()[1][0])
for first in range(1,n+1,500):
    for d in m.fetch('%d:%d' % (first,min(n,first+499)),'(BODY.PEEK[])')[1]:
        if isinstance(d,tuple):
            for to in re.findall(rb'^Final-Recipient: rfc822; (\\S+)\\r$', d[1], re.M): print(to.decode())
`
  const { code, out, err } = await run('python3', ['-c', script])
  assert.equal(code, 0, err)
  const returned = new Map<string, number>()
  for (const to of out.split('\n')) if (to !== '') returned.set(to, (returned.get(to) ?? 0) + 1)
  return returned
}

/** One message; true once it was accepted for all its recipients. */
function send(port: number, n: number, recipients: readonly string[]): Promise<boolean> {
  return handIn(port, [
    'EHLO client.test',
    'MAIL FROM:<ana@mail.example.test>',
    ...recipients.map((to) => `RCPT TO:<${to}>`),
    'DATA',
    `Message-ID: <${n}@ledger.test>\r\nSubject: m${n}\r\n\r\n${'x'.repeat(n % 997)}\r\n.`,
  ])
}
