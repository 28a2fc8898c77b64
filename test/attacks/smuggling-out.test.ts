/** SMTP smuggling, outward: whatever a message holds and whichever way it came in, the next server sees one message. */
import assert from 'node:assert/strict'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { publicPaths } from '#src/main/server/maildrop.ts'
import { tellDropped } from '#src/main/server/public-socket.ts'
import { dialogue } from '../support/imap.ts'
import { until } from '../support/mailbox.ts'
import { startMilter } from '../support/milter.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { codes, converse } from './converse.ts'
import { FALSE_ENDS } from './sequences.ts'

/** What a server may take for the end of the data: any line end around a lone dot. */
const ANY_END = /(?:\r\n|\r|\n)\.(?:\r\n|\r|\n)/g
/** All false ends in one body, each in front of what would be a command; a true one too. */
const BODY = [...Object.values(FALSE_ENDS), '\r\n.\r\n']
  .map((end) => `x${end}MAIL FROM:<evil@evil.test>\r\nRCPT TO:<victim@far.test>\r\nDATA\r\n`)
  .join('')
const message = (name: string): string => `From: ana@mail.example.test\r\nX-Case: ${name}\r\nSubject: s\r\n\r\n${BODY}`

const AUTH = `AUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}\r\n`
const envelope = (to: string): string[] => [
  'EHLO c.test\r\n',
  AUTH,
  'MAIL FROM:<ana@mail.example.test>\r\n',
  `RCPT TO:<${to}@far.test>\r\n`,
]

async function bySmtp(port: number, to: string): Promise<void> {
  const text = message(to)
  const said = await converse(port, [...envelope(to), `BDAT ${text.length} LAST\r\n${text}`, 'QUIT\r\n'])
  assert.match(codes(said), /250 250 221$/, to)
}

/** A file that any user of the machine may leave: nothing of it went through smtpd. */
function byMaildrop({ dir }: TestServer, to: string): void {
  const path = join(dir, 'data/postigo-public/maildrop', 'a'.repeat(32))
  const facts = { sender: 'ana@mail.example.test', recipients: [{ address: `${to}@far.test` }] }
  writeFileSync(path, Buffer.concat([Buffer.from(`${JSON.stringify(facts)}\n`), Buffer.from(message(to), 'latin1')]))
  chmodSync(path, 0o744)
}

async function byUrl(t: { after: (end: () => unknown) => void }, server: TestServer, to: string): Promise<void> {
  const ana = await dialogue(t, server.port('imap'), 'ana')
  assert.match(await ana.append('INBOX', Buffer.from(message(to), 'latin1')), /OK/)
  const uid = /APPENDUID \d+ (\d+)/.exec(await ana.ask('UID SEARCH ALL')) // any answer: the newest is meant
  const rump = `imap://ana@mail.example.test/INBOX/;UID=${uid?.[1] ?? 1};URLAUTH=submit+ana`
  const url = /GENURLAUTH "([^"]+)"/.exec(await ana.ask(`GENURLAUTH "${rump}" INTERNAL`))?.[1] ?? ''
  const said = await converse(server.port('submission'), [...envelope(to), `BURL ${url} LAST\r\n`, 'QUIT\r\n'])
  assert.match(codes(said), /250 250 221$/, said)
}

test('what leaves is one message, wherever it came from', async (t) => {
  const sink = await startSink(t, { answer: (command) => (command.includes('<refused@') ? '550 5.1.1 no' : undefined) })
  const pieces = BODY.match(/[^]{1,1000}/g) ?? []
  const milter = await startMilter({
    answer: (event) =>
      event === 'E' ? [...pieces.map((piece) => ['b', Buffer.from(piece, 'latin1')] as const), ['c']] : [['c']],
  })
  t.after(() => milter.stop())
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `relayhost = [127.0.0.1]:${sink.port}\nsmtpd_burl_enable = yes\nlocal_recipient_maps =\nbounce_size_limit = 1000000\n`,
    files: {
      'master.cf': `127.0.0.1:2501 inet n - n - - smtpd
127.0.0.1:2502 inet n - n - - smtpd -o syslog_name=filtered -o smtpd_milters=inet:127.0.0.1:${milter.port}
127.0.0.1:submission inet n - n - - smtpd\n`,
    },
  })
  const [plain, filtered] = server.server.services.map(({ port }) => port)
  await bySmtp(plain ?? 0, 'data')
  await bySmtp(filtered ?? 0, 'milter')
  await byUrl(t, server, 'url')
  byMaildrop(server, 'drop')
  await tellDropped(publicPaths(server.server.rooms.current.config))
  // Its sender gets a report, by way of the sink too, that quotes all of it.
  await converse(plain ?? 0, [
    'EHLO c.test\r\n',
    AUTH,
    'MAIL FROM:<reported@far.test> RET=FULL\r\n',
    'RCPT TO:<refused@far.test>\r\n',
    `BDAT ${message('refused').length} LAST\r\n${message('refused')}`,
    'QUIT\r\n',
  ])
  const cases = ['data', 'milter', 'url', 'drop']
  const arrived = (name: string): string | undefined =>
    sink.contents.find((content) => content.includes(`X-Case: ${name}\r\n`))
  await until('all have left', () => [...cases, 'refused'].every((name) => arrived(name) !== undefined))
  for (const name of [...cases, 'refused']) {
    const content = arrived(name) ?? ''
    assert.deepEqual(`${content}\r\n.\r\n`.match(ANY_END), ['\r\n.\r\n'], name)
    assert.doesNotMatch(content, /\r(?!\n)|(?<!\r)\n/, `${name}: a bare CR or LF`)
    assert.ok((content.match(/^MAIL FROM:<evil/gm) ?? []).length > 10, `${name}: the body is there`)
  }
  assert.equal(sink.contents.length, cases.length + 1)
})
