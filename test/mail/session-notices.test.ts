/** Sessions with errors that the postmaster is told of: notify_classes, error_notice_recipient. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

const POSTMASTER = 'error_notice_recipient = eva\nbounce_notice_recipient = ivo\nmail_name = Mail\n'

const startFor = (t: TestContext, mainCf: string): Promise<TestServer> =>
  startServer(t, { mainCf: POSTMASTER + mainCf, accounts: ['ana', 'eva', 'ivo'] })

async function notice(server: TestServer, user = 'eva'): Promise<string> {
  await until('a notice', async () => (await messagesIn(server, user)).length > 0)
  return (await messagesIn(server, user))[0] ?? ''
}

const HELO = 'S: 220 …\nC: HELO x.test\nS: 250 …\n'
const QUIT = 'C: QUIT\nS: 221 2.0.0 Bye\n'
const MAIL = 'C: MAIL FROM:<>\nS: 250 2.1.0 Ok\n'

test('each class of errors, and nothing where it is not asked for', async (t) => {
  const table: readonly (readonly [string, string, RegExp, string?])[] = [
    [
      'notify_classes = protocol\n',
      `${HELO}C: BOGUS\nS: 500 5.5.2 Error: command not recognized\n`,
      /^ In: {2}BOGUS\r\n Out: 500 5\.5\.2 Error: command not recognized\r\n In: {2}QUIT\r\n Out: 221 2\.0\.0 Bye\r\n/m,
    ],
    [
      'notify_classes = policy\n',
      `${HELO}${MAIL}C: RCPT TO:<a@far.test>\nS: 454 4.7.1 …\n`,
      /^ Out: 454 4\.7\.1 <a@far\.test>: Relay access denied\r\n/m,
    ],
    ['queue_minfree = 9000000000000000\n', `${HELO}C: MAIL FROM:<>\nS: 452 4.3.1 …\n`, /^ Out: 452 4\.3\.1 /m],
    [
      'notify_classes = software\nsmtpd_sender_restrictions = check_sender_access hash:/nowhere/access\n',
      `${HELO}${MAIL}C: RCPT TO:<ana@mail.example.test>\nS: 451 4.3.…\n`,
      /^ Out: 451 4\.3\./m,
    ],
    [
      'notify_classes = bounce\nmessage_size_limit = 100\n',
      `${HELO}${MAIL}C: RCPT TO:<ana@mail.example.test>\nS: 250 2.1.5 Ok\nC: DATA\nS: 354 …\nC: ${'x'.repeat(200)}\nC: .\nS: 552 5.3.4 …\n`,
      /^ In: {2}DATA\r\n Out: 354 .*\r\n Out: 552 5\.3\.4 /m,
      'ivo',
    ],
  ]
  for (const [mainCf, dialogue, expected, user] of table)
    await t.test(mainCf, async (sub) => {
      const server = await startFor(sub, mainCf)
      await transcript(server.port('smtp'), dialogue + QUIT)
      const text = await notice(server, user)
      assert.match(text, /^Return-Path: <double-bounce@mail\.example\.test>\r\n/)
      assert.match(text, /^Subject: Mail SMTP server: errors from localhost\[127\.0\.0\.1\]\r\n/m)
      assert.match(text, /\r\n\r\nTranscript of session follows\.\r\n\r\n Out: 220 mail\.example\.test /)
      assert.match(text, expected)
      assert.match(text, /\r\n\r\n\r\nFor other details, see the local mail logfile\r\n$/)
      assert.doesNotMatch(text, /xxxx/)
    })
  const quiet = await startFor(t, '')
  await transcript(quiet.port('smtp'), `${HELO}C: BOGUS\nS: 500 …\n${MAIL}C: RCPT TO:<a@far.test>\nS: 454 …\n${QUIT}`)
  await transcript(
    quiet.port('smtp'),
    `${HELO}${MAIL}C: RCPT TO:<eva@mail.example.test>\nS: 250 …\nC: DATA\nS: 354 …\nC: .\nS: 250 …\n${QUIT}`,
  )
  assert.doesNotMatch(await notice(quiet), /Transcript/)
})

test('smtpd_history_flush_threshold parts what is told; why a session ended; no passwords', async (t) => {
  const server = await startFor(t, 'notify_classes = protocol\nsmtpd_history_flush_threshold = 3\n')
  await transcript(
    server.port('submission'),
    `${HELO}C: AUTH PLAIN c2VjcmV0\nS: 535 …\nC: BOGUS\nS: 500 …\nC: RSET\nS: 250 …\nC: VRFY\nS: 501 …\n`,
  )
  await until('both notices', async () => (await messagesIn(server, 'eva')).length === 2)
  const [first = '', second = ''] = await messagesIn(server, 'eva')
  assert.match(first, / In: {2}AUTH PLAIN …\r\n/)
  assert.doesNotMatch(first, /c2Vjc|VRFY/)
  assert.match(
    second,
    /follows\.\r\n\r\n In: {2}VRFY\r\n Out: 501 .*\r\n\r\n\r\nSession aborted, reason: lost connection\r\n/,
  )
})

test('a session with another server: what it says of our words, not what it says of mail', async (t) => {
  const table: readonly (readonly [string, string, string, RegExp | undefined])[] = [
    ['', 'MAIL', '501 5.5.4 what?', undefined],
    [
      'notify_classes = protocol\n',
      'MAIL',
      '501 5.5.4 what?',
      /^ Out: MAIL FROM:<ana@mail\.example\.test>\r\n In: {2}501 5\.5\.4 what\?\r\n/m,
    ],
    ['notify_classes = protocol\n', 'RCPT', '550 5.1.1 nobody', undefined],
    ['notify_classes = protocol\n', 'EHLO', '500 what?', undefined],
    [
      'notify_classes = data\nsmtp_generic_maps = hash:/nowhere/generic\n',
      'NOOP',
      '250 ok',
      /^ Out: EHLO mail\.example\.test\r\n In: {2}250-sink\.test\r\n In: {2}250 OK\r\n/m,
    ],
  ]
  for (const [mainCf, verb, reply, expected] of table)
    await t.test(`${mainCf} ${verb} ${reply}`, async (sub) => {
      const sink = await startSink(sub, { answer: (said) => (said.startsWith(verb) ? reply : undefined) })
      const server = await startFor(sub, `${mainCf}relayhost = [127.0.0.1]:${sink.port}\nsmtpd_tls_auth_only = no\n`)
      const auth = `C: AUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}\nS: 235 …\n`
      const mail = 'C: MAIL FROM:<ana@mail.example.test>\nS: 250 …\nC: RCPT TO:<a@far.test>\nS: 250 …\n'
      await transcript(server.port('submission'), `${HELO}${auth}${mail}C: DATA\nS: 354 …\nC: .\nS: 250 …\n${QUIT}`)
      await server.logged(/smtp\[.*status=/)
      if (expected === undefined) {
        await until('QUIT', () => sink.heard.flat().includes('QUIT'))
        return assert.equal((await messagesIn(server, 'eva')).length, 0)
      }
      const text = await notice(server)
      assert.match(text, /^Subject: Mail SMTP client: errors from 127\.0\.0\.1\[127\.0\.0\.1\]\r\n/m)
      assert.match(
        text,
        /^Unexpected response from 127\.0\.0\.1\[127\.0\.0\.1\]\.\r\n\r\nTranscript of session follows\.\r\n/m,
      )
      assert.match(text, expected)
    })
})

test('LMTP, as server and as client, says so', async (t) => {
  const server = await startFor(
    t,
    'notify_classes = protocol, policy\nmailbox_services = imap, lmtp\nlmtpd_listen = inet:127.0.0.1:24\n',
  )
  await transcript(
    server.port('lmtp'),
    `S: 220 …\nC: LHLO x.test\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250-…\nS: 250 …\n${MAIL}C: RCPT TO:<nobody.here@mail.example.test>\nS: 550 …\n${QUIT}`,
  )
  const told = await notice(server)
  assert.match(told, /^Subject: Mail LMTP server: errors from localhost\[127\.0\.0\.1\]\r\n/m)
  assert.match(told, /^ In: {2}LHLO x\.test\r\n/m)
  assert.match(told, /^ Out: 550 5\.1\.1 <nobody\.here@mail\.example\.test> User unknown\r\n/m)

  const sink = await startSink(t, { answer: (said) => (said.startsWith('MAIL') ? '501 5.5.4 what?' : undefined) })
  const front = await startFor(
    t,
    `notify_classes = protocol\nrelayhost =\ntransport_maps = inline:{{far.test=lmtp:[127.0.0.1]:${sink.port}}}\n`,
  )
  await submit(front, 'ana@mail.example.test', ['a@far.test'], 'Subject: x\n\nx\n')
  assert.match(await notice(front), /^Subject: Mail LMTP client: errors from 127\.0\.0\.1\[127\.0\.0\.1\]\r\n/m)
})

test('internal_mail_filter_classes: notices pass header checks where it names them', async (t) => {
  for (const [classes, expected] of [
    ['', /^Subject: Mail SMTP server/m],
    ['notify', /^Subject: seen/m],
  ] as const) {
    const server = await startFor(
      t,
      `notify_classes = protocol\ninternal_mail_filter_classes = ${classes}\n` +
        'header_checks = regexp:{{/^Subject: .*errors from/ REPLACE Subject: seen}}\n',
    )
    await transcript(server.port('smtp'), `${HELO}C: BOGUS\nS: 500 …\n${QUIT}`)
    assert.match(await notice(server), expected)
  }
})
