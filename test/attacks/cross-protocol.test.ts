/** A browser led to a port of mail: nothing that stands in its request is carried out, and the session ends at once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { converse } from './converse.ts'

const head = (method: string): string =>
  `${method} / HTTP/1.1\r\nHost: mail.example.test\r\nUser-Agent: x\r\nContent-Type: text/plain\r\nContent-Length: 999\r\n\r\n`
const SMTP =
  'EHLO x\r\nMAIL FROM:<a@known.test>\r\nRCPT TO:<ana@mail.example.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n'
const BODIES = {
  smtp: SMTP,
  submission: SMTP,
  lmtp: SMTP.replace('EHLO', 'LHLO'),
  imap: 'a LOGIN ana secret\r\nb CREATE stolen\r\nc LOGOUT\r\n',
  pop3: 'USER ana\r\nPASS secret\r\nSTAT\r\nQUIT\r\n',
} as const
const ENDS = {
  smtp: /^220 [^\n]*\n221 2\.7\.0 Error: I can break rules, too\. Goodbye\.\r\n$/,
  submission: /^220 [^\n]*\n221 2\.7\.0 [^\n]*\n$/,
  lmtp: /^220 [^\n]*\n221 2\.7\.0 [^\n]*\n$/,
  imap: /^\* OK [^\n]*\n\* BYE This is no web server\r\n$/,
  pop3: /^\+OK [^\n]*\n$/,
} as const
const OPENINGS = [
  ...['GET', 'POST', 'PUT', 'OPTIONS', 'CONNECT'].map(head),
  'Host: x\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
]

async function led(server: TestServer, service: keyof typeof BODIES, opening: string): Promise<string> {
  // All at once, as a browser sends it.
  return converse(server.port(service), [opening + BODIES[service]], { answer: /\n/ })
}

test('HTTP to SMTP, submission, LMTP, IMAP and POP3', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      'mailbox_services = imap, pop3, lmtp\nlmtpd_listen = inet:127.0.0.1:24\nlmtpd_authorized_clients = 127.0.0.1\nsmtpd_forbidden_commands = CONNECT GET POST PUT OPTIONS PRI\n',
  })
  for (const service of ['smtp', 'submission', 'lmtp', 'imap', 'pop3'] as const)
    for (const opening of OPENINGS)
      assert.match(await led(server, service, opening), ENDS[service], `${service}: ${opening.slice(0, 30)}`)
  assert.deepEqual(await messagesIn(server, 'ana'), [])
  assert.doesNotMatch(server.log(), /imapd\[\d+\]: login|pop3d\[\d+\]: login/)
})

test('what Postfix forbids by default, and a table of commands', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  for (const line of ['GET / HTTP/1.0', 'POST / HTTP/1.1', 'CONNECT x:25 HTTP/1.1', 'Subject: x'])
    assert.match(await converse(server.port('smtp'), [`${line}\r\n`]), ENDS.smtp, line)
  const { port } = { port: server.port('smtp') }
  // Other words are mistakes.
  assert.match(await converse(port, ['PUT / HTTP/1.1\r\n', 'QUIT\r\n']), /\n500 5\.5\.2 [^\n]*\n221 /)
})
