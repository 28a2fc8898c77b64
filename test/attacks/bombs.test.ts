/** Few octets that would become many, and patterns and structures that would take for ever: bounded in time and memory. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { test, type TestContext } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { collectGarbage } from '../support/garbage.ts'
import { dialogue } from '../support/imap.ts'
import { startServer } from '../support/server.ts'
import { codes, converse, Ear } from './converse.ts'

/** A reader that is more than linear takes minutes. */
const SOON_MS = 30_000

async function soon<T>(name: string, work: () => Promise<T>): Promise<T> {
  const before = performance.now()
  const done = await work()
  const ms = performance.now() - before
  assert.ok(ms < SOON_MS, `${name}: ${ms.toFixed()} ms`)
  return done
}

const held = (): number => {
  collectGarbage()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

test('what inflates a thousandfold costs no memory, and one line of it ends the session', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const socket = connect(server.port('imap'), '127.0.0.1').on('error', () => {})
  t.after(() => socket.destroy())
  const ear = new Ear(socket)
  socket.write('a LOGIN ana secret\r\n')
  await ear.until(/^a OK/m)
  socket.write('b COMPRESS DEFLATE\r\n')
  await ear.until(/^b OK[^\n]*\n/m)
  const bomb = deflateRawSync(Buffer.alloc(100 * 1024 * 1024, 0x78), { finishFlush: constants.Z_SYNC_FLUSH })
  const before = held()
  let most = 0
  const look = setInterval(() => (most = Math.max(most, process.memoryUsage().arrayBuffers)), 20)
  socket.write(bomb)
  await soon('the bomb', () => ear.until(undefined))
  clearInterval(look)
  assert.ok(bomb.length < 200 * 1024)
  assert.ok(Math.max(most, held()) < before + 32 * 1024 * 1024, `${most} octets`)
  await server.logged(/imapd\[\d+\]: disconnect .*: Command line too long/)
})

const words = (unit: string, octets: number): string => unit.repeat(Math.ceil(octets / unit.length))

const NESTED = Array.from(
  { length: 10_000 },
  (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`,
)
const FORWARDS = words('Content-Type: message/rfc822\r\n\r\n', 300_000)

/** Messages that cost more than they weigh, by what is bad about them. */
const MESSAGES: Readonly<Record<string, string>> = {
  'parts in parts': NESTED.join(''),
  'messages in messages': FORWARDS,
  '100,000 parts': `Content-Type: multipart/mixed; boundary=b\r\n\r\n${words('--b\r\n\r\nx\r\n', 900_000)}--b--\r\n`,
  '100,000 fields': `${words('X: y\r\n', 600_000)}\r\nx\r\n`,
  'one field of a megabyte': `Subject: ${'x'.repeat(1_000_000)}\r\n\r\nx\r\n`,
  'folded lines': `Subject: ${words('\r\n x', 500_000)}\r\n\r\nx\r\n`,
  'encoded words': `Subject: ${words('=?utf-8?q?a?= ', 500_000)}\r\n\r\nx\r\n`,
  'half encoded words': `Subject: ${words('=?utf-8?q?', 500_000)}\r\n\r\nx\r\n`,
  'question marks': `Subject: ${words('=?', 500_000)}\r\n\r\nx\r\n`,
  addresses: `To: ${words('a@b,', 800_000)}\r\n\r\nx\r\n`,
  'open brackets': `To: ${words('<', 500_000)}\r\n\r\nx\r\n`,
  comments: `To: ${words('(', 500_000)}\r\n\r\nx\r\n`,
  quotes: `To: ${words('"\\', 500_000)}\r\n\r\nx\r\n`,
  groups: `To: ${words('a:', 500_000)}\r\n\r\nx\r\n`,
  references: `References: ${words('<a@b> ', 500_000)}\r\nSubject: x\r\n\r\nx\r\n`,
  'Re: Re:': `Subject: ${words('Re: ', 500_000)}\r\n\r\nx\r\n`,
  'marks of lists': `Subject: ${words('[a] ', 500_000)}\r\n\r\nx\r\n`,
  'MIME parameters': `Content-Type: text/plain; ${words('a*0*=b; ', 500_000)}\r\n\r\nx\r\n`,
  HTML: `Content-Type: text/html\r\n\r\n${words('<a <!-- <script ', 900_000)}\r\n`,
  'base64 that is none': `Content-Transfer-Encoding: base64\r\n\r\n${words('====', 900_000)}\r\n`,
  'a boundary of dashes': `Content-Type: multipart/mixed; boundary="${'-'.repeat(900)}"\r\n\r\n${words('-', 900_000)}\r\n`,
}

const ASKED = [
  'FETCH 1:* (ENVELOPE BODYSTRUCTURE PREVIEW RFC822.SIZE)',
  'FETCH 1:* BODY.PEEK[HEADER.FIELDS (Subject To)]',
  'SEARCH SUBJECT zzz',
  'SEARCH TEXT zzz',
  'SORT (SUBJECT FROM TO) UTF-8 ALL',
  'THREAD REFERENCES UTF-8 ALL',
]

test('messages made to cost more than they weigh are read in a moment', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const ana = await dialogue(t, server.port('imap'), 'ana')
  await ana.ask('SELECT INBOX')
  for (const [name, message] of Object.entries(MESSAGES))
    assert.match(await soon(`${name}: APPEND`, () => ana.append('INBOX', message)), /OK/, name)
  for (const command of ASKED) {
    const said = await soon(command, () => ana.ask(command))
    assert.match(said, /(?:^|\n)t\d+ OK [^\n]*\n$/, command)
  }
})

const EVIL = '(a+)+$ (a|aa)+$ (.*a){20}x ^(([a-z])+.)+[A-Z]([a-z])+$ (x+x+)+y ((a*)*)*b'
const PATTERNS = (dialect: string): string =>
  `${dialect}:{${EVIL.split(' ')
    .map((pattern) => `{/${pattern.replaceAll('$', '$$$$')}/ OK}`)
    .join(', ')}}`

/** A table that gives up says so: mail waits, and the next client is served at once. */
async function exploded(t: TestContext, dialect: string): Promise<void> {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `smtpd_sender_restrictions = check_sender_access ${PATTERNS(dialect)}\nheader_checks = ${PATTERNS(dialect)}
smtpd_helo_required = no\nsmtpd_delay_reject = yes\n`,
  })
  const port = server.port('smtp')
  const sender = `MAIL FROM:<${'a'.repeat(60)}!@known.test>\r\n`
  const to = 'RCPT TO:<ana@mail.example.test>\r\n'
  const hostile = 'DATA\r\n'
  const content = `Subject: ${words('xa', 20_000)}!\r\nX: ${'a'.repeat(40_000)}!\r\n\r\nx\r\n.\r\n`
  await soon(`${dialect}: sender`, async () => {
    const said = await converse(port, ['EHLO c.test\r\n', sender, to, 'QUIT\r\n'])
    assert.equal(codes(said), '220 250 250 451 221', said)
  })
  await soon(`${dialect}: header`, async () => {
    const said = await converse(port, [
      'EHLO c.test\r\n',
      'MAIL FROM:<b@known.test>\r\n',
      to,
      hostile,
      content,
      'QUIT\r\n',
    ])
    assert.equal(codes(said), '220 250 250 250 354 451 221', said)
  })
  assert.match(server.log(), /line \d+: (?:match limit exceeded|JIT stack limit reached|the match )/)
}

test('patterns that explode are given up, in both kinds of tables', async (t) => {
  for (const dialect of ['regexp', 'pcre']) await exploded(t, dialect)
})
