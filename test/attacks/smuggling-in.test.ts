/** SMTP smuggling, inward: whatever stands where the data should end, it is one message, and it is stored without bare CR or LF. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { codes, converse } from './converse.ts'
import { EVIL, FALSE_ENDS, smuggled } from './sequences.ts'

const MASTER_CF = ['normalize', 'reject', 'note', 'no']
  .map(
    (value, i) =>
      `127.0.0.1:${2500 + i} inet n - n - - smtpd -o syslog_name=${value} -o smtpd_forbid_bare_newline=${value}\n`,
  )
  .join('')
const ENVELOPE = ['EHLO c.test\r\n', 'MAIL FROM:<a@known.test>\r\n', 'RCPT TO:<ana@mail.example.test>\r\n']

/** Listeners by `smtpd_forbid_bare_newline`. */
function portsOf({ server }: TestServer): ReadonlyMap<string, number> {
  const smtp = server.services.filter(({ name }) => !/^(?:imap|pop3)s?$/.test(name))
  return new Map(['normalize', 'reject', 'note', 'no'].map((value, i) => [value, smtp[i]?.port ?? 0]))
}

test('no false end of data makes two messages', async (t) => {
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: 'smtpd_hard_error_limit = 1000\nsmtpd_forbid_bare_newline_exclusions =\n',
    files: { 'master.cf': MASTER_CF },
  })
  const ports = portsOf(server)
  const said = async (value: string, end: string): Promise<string> => {
    const pieces = [...ENVELOPE, 'DATA\r\n', smuggled(end), 'QUIT\r\n']
    const all = codes(await converse(ports.get(value) ?? 0, pieces))
    return all.slice('220 250 250 250 354 '.length)
  }
  let expected = 0
  for (const [name, end] of Object.entries(FALSE_ENDS)) {
    assert.equal(await said('normalize', end), '250 221', `normalize: ${name}`)
    assert.equal(await said('note', end), '250 221', `note: ${name}`)
    expected += 2
    const isBare = /(?<!\r)\n/.test(end)
    if (!isBare) expected++
    const answer = await said('reject', end)
    assert.equal(answer, isBare ? '550 221' : '250 221', `reject: ${name}`)
  }
  await until('all are there', async () => (await messagesIn(server, 'ana')).length >= expected)
  const messages = await messagesIn(server, 'ana')
  assert.equal(messages.length, expected)
  for (const message of messages) {
    assert.match(message, /^Subject: outer\r$/m)
    assert.doesNotMatch(message, /\r(?!\n)|(?<!\r)\n/, 'a bare CR or LF was kept')
    assert.match(message, /RCPT TO:<ana@mail\.example\.test>\r\n/, 'what was to be smuggled is text')
  }
})

test('content in chunks holds no commands, and cannot be mixed with DATA', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const port = server.port('smtp')
  const body = `Subject: outer\r\n\r\nbody\r\n.\r\n${EVIL}\r\n.\r\n`
  const chunk = `BDAT ${body.length} LAST\r\n${body}`
  assert.equal(codes(await converse(port, [...ENVELOPE, chunk, 'QUIT\r\n'])), '220 250 250 250 250 221')
  const mixed = await converse(port, [...ENVELOPE, 'BDAT 6\r\nabc\r\n.', 'DATA\r\n', 'BDAT 0 LAST\r\n', 'QUIT\r\n'])
  assert.match(codes(mixed), /^220 250 250 250 250 50\d /)
  // How many octets follow is not known: the session ends.
  for (const size of ['-1', '1e3', '0x10', '99999999999999999999', '+5', '5 LAST x', '5,', ''])
    assert.equal(codes(await converse(port, [...ENVELOPE, `BDAT ${size}\r\n`])), '220 250 250 250 521', size)
  const [first] = await messagesIn(server, 'ana')
  assert.match(first ?? '', /\r\n\.\r\nMAIL FROM:<evil/)
})

test('what is said behind DATA before the go-ahead is no content', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const early = 'DATA\r\nSubject: early\r\n\r\nx\r\n.\r\nNOOP\r\n'
  const said = await converse(server.port('smtp'), [...ENVELOPE, early])
  assert.match(said, /554 5\.5\.0 Error: SMTP protocol synchronization\r\n$/)
  assert.deepEqual(await messagesIn(server, 'ana'), [])
})
