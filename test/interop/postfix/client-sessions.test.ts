/** What smtp(8) says over which connections: Debian's Postfix and Postigo send the same messages to sinks that listen. */
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { until } from '../../support/mailbox.ts'
import { startServer } from '../../support/server.ts'
import { type Sink, type SinkMood, startSink } from '../../support/sink.ts'
import { reasonToSkip, writeView } from './namespace.ts'
import { DEFAULT_CLIENT, play } from './player.ts'
import { startPostfix } from './postfix.ts'

const PORT = 21_980

interface Case extends SinkMood {
  readonly name: string
  /** The transport's `-o`. */
  readonly settings: Readonly<Record<string, string>>
  /** Local parts of the recipients, a message each. */
  readonly to: readonly string[]
  /** In one message, that goes in pieces of two recipients, one after the other. */
  readonly inPieces?: true
  readonly program?: 'lmtp'
  readonly sender?: string
  /** What stands behind the addresses in MAIL and RCPT. */
  readonly mail?: string
  readonly rcpt?: string
}

const DSN: Pick<Case, 'settings' | 'to' | 'offers'> = { settings: {}, to: ['a'], offers: ['DSN'] }
const EIGHT: Pick<Case, 'settings' | 'to' | 'mail'> = { settings: {}, to: ['a'], mail: ' BODY=8BITMIME' }
const LMTP = {
  program: 'lmtp',
  settings: { lmtp_connection_cache_destinations: 'static:all', lmtp_connection_cache_time_limit: '30s' },
  to: ['a', 'b', 'c'],
} as const

const KEPT = {
  smtp_connection_cache_destinations: 'static:all',
  smtp_connection_cache_time_limit: '30s',
}
const refuse =
  (verb: string, reply: string): NonNullable<SinkMood['answer']> =>
  (command) =>
    command.startsWith(verb) ? reply : undefined
const ABC = ['a', 'b', 'c']
const MANY = [...ABC, 'd', 'e', 'f', 'g', 'h']
const PIPELINED = { offers: ['PIPELINING'] }

const CASES: readonly Case[] = [
  { name: 'each its own', settings: {}, to: ABC },
  { name: 'kept', settings: KEPT, to: ABC },
  { name: 'kept, pipelined', settings: KEPT, to: ABC, ...PIPELINED },
  { name: 'used twice', settings: { ...KEPT, smtp_connection_reuse_count_limit: '1' }, to: [...ABC, 'd'] },
  { name: 'on demand', settings: {}, to: MANY, inPieces: true },
  {
    name: 'on demand, switched off',
    settings: { smtp_connection_cache_on_demand: 'no' },
    to: MANY,
    inPieces: true,
  },
  { name: 'on demand, used twice', settings: { smtp_connection_reuse_count_limit: '1' }, to: MANY, inPieces: true },
  { name: 'RSET refused', settings: KEPT, to: ABC, answer: refuse('RSET', '502 5.5.1 what?') },
  { name: 'RSET closes', settings: KEPT, to: ABC, answer: refuse('RSET', '') },
  { name: 'b refused', settings: KEPT, to: ABC, answer: refuse('RCPT TO:<b@', '550 5.1.1 no') },
  {
    name: 'b refused, pipelined',
    settings: KEPT,
    to: ABC,
    answer: refuse('RCPT TO:<b@', '550 5.1.1 no'),
    ...PIPELINED,
  },
  { name: 'b refused, each its own', settings: {}, to: ABC, answer: refuse('RCPT TO:<b@', '550 5.1.1 no') },
  { name: 'MAIL refused', settings: KEPT, to: ABC, answer: refuse('MAIL', '550 5.7.1 no') },
  { name: 'MAIL refused, each its own', settings: {}, to: ABC, answer: refuse('MAIL', '550 5.7.1 no') },
  { name: 'DATA refused', settings: KEPT, to: ABC, answer: refuse('DATA', '550 5.7.1 no') },
  { name: 'DATA refused, pipelined', settings: KEPT, to: ABC, answer: refuse('DATA', '550 5.7.1 no'), ...PIPELINED },
  { name: 'the message refused', settings: KEPT, to: ABC, answer: refuse('.', '550 5.7.1 no') },
  {
    name: 'greeting refused',
    settings: { ...KEPT, smtp_skip_5xx_greeting: 'no' },
    to: ['a'],
    answer: refuse('CONNECT', '554 no'),
  },
  { name: 'EHLO refused', settings: KEPT, to: ['a'], answer: (c) => (/^(EHLO|HELO)/.test(c) ? '550 no' : undefined) },
  { name: 'QUIT answered late', settings: { smtp_skip_quit_response: 'no' }, to: ABC },
  {
    name: 'XFORWARD',
    settings: { smtp_send_xforward_command: 'yes' },
    to: ['a'],
    offers: ['XFORWARD NAME ADDR PORT PROTO HELO SOURCE'],
  },
  { name: 'XFORWARD of some', settings: { smtp_send_xforward_command: 'yes' }, to: ['a'], offers: ['XFORWARD HELO'] },
  { name: 'XFORWARD unwished', settings: {}, to: ['a'], offers: ['XFORWARD NAME ADDR'] },
  { name: 'DSN', ...DSN },
  { name: 'DSN, alias', ...DSN, to: ['alias'] },
  { name: 'DSN, NOTIFY', ...DSN, rcpt: ' NOTIFY=SUCCESS,DELAY' },
  { name: 'DSN, NOTIFY=NEVER', ...DSN, rcpt: ' NOTIFY=NEVER' },
  { name: 'DSN, ORCPT', ...DSN, rcpt: ' ORCPT=rfc822;x+2By@z.test' },
  { name: 'DSN, RET and ENVID', ...DSN, mail: ' RET=HDRS ENVID=q+2Bq+3Dq' },
  { name: 'DSN, not offered', ...DSN, offers: [], mail: ' RET=FULL ENVID=q', rcpt: ' NOTIFY=FAILURE' },
  { name: 'SIZE', settings: {}, to: ['a'], offers: ['SIZE 1000000'] },
  { name: 'SIZE without limit', settings: {}, to: ['a'], offers: ['SIZE'] },
  { name: '8BITMIME', ...EIGHT, offers: ['8BITMIME'] },
  { name: '8BITMIME, 7BIT', ...EIGHT, offers: ['8BITMIME'], mail: ' BODY=7BIT' },
  { name: '8BITMIME, nothing said', ...EIGHT, offers: ['8BITMIME'], mail: '' },
  { name: '8BITMIME, not offered', ...EIGHT },
  { name: 'SMTPUTF8 and all', settings: {}, to: ['a'], offers: ['SMTPUTF8', '8BITMIME', 'DSN', 'SIZE', 'PIPELINING'] },
  { name: 'odd addresses', settings: {}, to: ['"two words"', '"a@b"', 'a+b', '"qu\\"ote"'], sender: '"s p"@x.test' },
  { name: 'odd addresses, DSN', settings: {}, to: ['"two words"', 'a+b=c'], offers: ['DSN'] },
  { name: 'odd addresses as they are', settings: { smtp_quote_rfc821_envelope: 'no' }, to: ['"two words"'] },
  { name: 'HELO', settings: { smtp_never_send_ehlo: 'yes' }, to: ['a'] },
  { name: 'HELO name', settings: { smtp_helo_name: 'other.test' }, to: ['a'] },
  { name: 'LMTP, kept', ...LMTP },
  { name: 'LMTP, pipelined', ...LMTP, ...PIPELINED },
  { name: 'LMTP, b refused', ...LMTP, answer: refuse('RCPT TO:<b@', '550 5.1.1 no') },
  { name: 'LMTP, each its own', ...LMTP, settings: {} },
  {
    name: 'logged in',
    settings: { smtp_sasl_auth_enable: 'yes', smtp_sasl_security_options: '', smtp_send_dummy_mail_auth: 'yes' },
    to: ['a'],
    offers: ['AUTH PLAIN'],
    answer: refuse('AUTH', '235 2.7.0 ok'),
  },
]

/** Each session's lines; of the last one not whether its end was said, for it may still be open, or have waited too long. */
function sessionsOf({ heard }: Sink): string[][] {
  return heard.map((session, i) => {
    const lines = session.map((line) =>
      line
        .replace(/^\(\d+ octets\)$/, '(content)')
        .replace(/ PORT=\d+/, ' PORT=N')
        .replace(/ SIZE=\d+/, ' SIZE=N'),
    )
    return i === heard.length - 1 && lines.at(-1) === 'QUIT' ? lines.slice(0, -1) : lines
  })
}

interface Product {
  readonly port: () => number
  readonly log: () => string
}

/** Sends the messages of all cases, those of one case one after the other. */
async function sendAll({ port, log }: Product): Promise<void> {
  await Promise.all(
    CASES.map(async ({ to, sender = '', mail = '', rcpt = '', inPieces = false }, i) => {
      const results = (): number =>
        log().match(new RegExp(`@c${i}\\.test>, (?:orig_to=\\S+ )?relay=`, 'g'))?.length ?? 0
      const rcpts = to.map((name) => `RCPT TO:<${name}@c${i}.test>${rcpt}`)
      const messages = inPieces ? [rcpts] : rcpts.map((one) => [one])
      let sent = 0
      for (const message of messages) {
        await submit(port(), [`MAIL FROM:<${sender}>${mail}`, ...message])
        sent += message.length
        await until(`${message.join()} has a result`, () => results() >= sent, 30_000)
      }
    }),
  )
}

async function submit(port: number, envelope: readonly string[]): Promise<void> {
  const steps = ['EHLO client.test', ...envelope, 'DATA', { content: 'Subject: x\r\n\r\nx' }]
  for (let n = 0; ; n++) {
    const replies = await play('127.0.0.1', port, { steps, client: DEFAULT_CLIENT }).catch((error: unknown) => [
      String(error),
    ])
    if (replies.at(-1)?.startsWith('250') === true) return
    if (n === ATTEMPTS) assert.fail(replies.join('\n')) // the server may still be starting
    await new Promise((wake) => setTimeout(wake, 250))
  }
}

const ATTEMPTS = 20

async function settingsFor(t: TestContext): Promise<{ sinks: Sink[]; mainCf: string; masterCf: string }> {
  const sinks = await Promise.all(CASES.map((one) => startSink(t, one)))
  const routes = CASES.map(({ program }, i) => {
    const inet = program === 'lmtp' ? 'inet:' : ''
    return `{ c${i}.test = c${i}:${inet}[127.0.0.1]:${sinks[i]?.port} }`
  })
  const aliases = CASES.map((_, i) => `alias@c${i}.test=real@c${i}.test`)
  const services = CASES.map(({ settings, program = 'smtp' }, i) => {
    const words = Object.entries(settings).map(([name, value]) => `\n  -o { ${name} = ${value} }`)
    return `c${i} unix - - n - - ${program}${words.join('')}\n`
  })
  const pieces = CASES.map(({ inPieces }, i) =>
    inPieces === true ? `c${i}_destination_recipient_limit = 2\nc${i}_destination_concurrency_limit = 1\n` : '',
  )
  const mainCf = `${pieces.join('')}smtpd_relay_restrictions = permit_mynetworks, reject
mynetworks = 192.0.2.0/24
smtpd_authorized_xclient_hosts = 127.0.0.0/8
connection_cache_ttl_limit = 30s
smtp_sasl_password_maps = static:user:secret
virtual_alias_maps = inline:{ ${aliases.join(', ')} }
transport_maps = inline:{ ${routes.join(', ')} }
`
  return { sinks, mainCf, masterCf: services.join('') }
}

test('the same is said over the same connections', { skip: reasonToSkip() ?? false }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-sessions-'))
  chmodSync(dir, 0o755)
  t.after(() => rmSync(dir, { recursive: true }))
  writeView(dir, '127.0.0.1')
  const place = { dir: join(dir, 'instance'), address: '127.0.0.1', sinkPort: 9 }
  mkdirSync(place.dir)
  const { sinks: theirs, ...world } = await settingsFor(t)
  const common = { name: 'sessions', files: {}, indexed: [], sessions: [{ name: 'in', steps: [] }] }
  const postfix = await startPostfix({ ...common, ...world }, place, PORT, dir)
  try {
    await sendAll({ port: () => PORT, log: () => postfix.log() })
  } finally {
    await postfix.stop()
  }
  const { sinks: ours, mainCf, masterCf } = await settingsFor(t)
  const smtp = 'smtp inet n - n - - smtpd\n'
  const server = await startServer(t, { mainCf, files: { 'master.cf': smtp + masterCf } })
  await sendAll({ port: () => server.port('smtp'), log: () => server.log() })
  const said = (sinks: readonly Sink[]): Record<string, string[][]> =>
    Object.fromEntries(CASES.map(({ name }, i) => [name, sessionsOf(sinks[i] ?? assert.fail())]))
  assert.deepEqual(said(ours), said(theirs))
})
