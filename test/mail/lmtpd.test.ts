/** LMTP in: another MTA hands mail over for the mailboxes here. RFC 2033. */
import assert from 'node:assert/strict'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { messagesIn, submit } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const LISTEN = 'mailbox_services = imap, lmtp\nlmtpd_listen = inet:127.0.0.1:24, unix:lmtp\n'

function start(t: TestContext, mainCf = ''): Promise<TestServer> {
  return startServer(t, { mainCf: LISTEN + mainCf, accounts: ['ana', 'eva', 'teo'] })
}

/** Ten million octets. */
const BIG = `Subject: big\n\n${`${'x'.repeat(70)}\n`.repeat(140_000)}`

const GREETING = `
  S: 220 mail.example.test LMTP …
  C: LHLO front.test
  S: 250-mail.example.test
  S: 250-PIPELINING
  S: 250-SIZE 10240000
  S: 250-ENHANCEDSTATUSCODES
  S: 250-8BITMIME
  S: 250-SMTPUTF8
  S: 250 CHUNKING
`

test('each recipient has an answer of its own, at RCPT and after the message', async (t) => {
  const server = await start(t, 'mailbox_size_limit = 20000000\nrecipient_delimiter = +\n')
  await submit(server, 'x@else.test', ['teo@mail.example.test'], BIG)
  await transcript(
    server.port('lmtp'),
    `${GREETING}
    C: MAIL FROM:<s@else.test> SIZE=100 BODY=8BITMIME SMTPUTF8
    S: 250 2.1.0 Ok
    C: RCPT TO:<ana+lists@mail.example.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<unknown.one@mail.example.test>
    S: 550 5.1.1 <unknown.one@mail.example.test> User unknown
    C: RCPT TO:<ana@other.test>
    S: 550 5.1.1 <ana@other.test> User unknown
    C: RCPT TO:<teo@mail.example.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<ana@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Subject: hello
    C: 
    C: ..a line
    C: .
    S: 250 2.0.0 <ana+lists@mail.example.test> … Saved
    S: 250 2.0.0 <teo@mail.example.test> … Saved
    S: 250 2.0.0 <ana@mail.example.test> … Saved
    C: QUIT
    S: 221 2.0.0 Bye`,
  )
  const [text = '', ...more] = await messagesIn(server, 'ana')
  assert.equal(more.length, 0, 'an account that is named twice has the message once')
  assert.match(
    text,
    /^Return-Path: <s@else\.test>\r\nDelivered-To: ana\+lists@mail\.example\.test\r\nReceived: from front\.test \(\S+ \[127\.0\.0\.1\]\)\r\n\tby mail\.example\.test \(\S+\) with UTF8LMTP id \w+;/,
  )
  assert.match(text, /\r\nSubject: hello\r\n[^]*\r\n\.a line\r\n$/)
  assert.equal((await messagesIn(server, 'teo')).length, 2)
  await server.logged(/postfix\/lmtpd\[\d+\]: \w+: reject: RCPT from .*550 5\.1\.1 <unknown.one@.* proto=LMTP/)
})

test('who has no room hears 452, the others have the message', async (t) => {
  const server = await start(t, 'mailbox_size_limit = 10240000\n')
  await submit(server, 'x@else.test', ['teo@mail.example.test'], BIG)
  await transcript(
    server.port('lmtp'),
    `${GREETING}
    C: MAIL FROM:<> SIZE=900000
    S: 250 2.1.0 Ok
    C: RCPT TO:<teo@mail.example.test>
    S: 452 4.2.2 <teo@mail.example.test> Mailbox full
    C: RSET
    S: 250 2.0.0 Ok
    C: MAIL FROM:<>
    S: 250 2.1.0 Ok
    C: RCPT TO:<teo@mail.example.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<eva@mail.example.test>
    S: 250 2.1.5 Ok
    C: BDAT 14
    C: Subject: two
    S: 250 2.0.0 Ok: 14 bytes
    C: BDAT 900000 LAST
    C: ${'y'.repeat(899_998)}
    S: 452 4.2.2 <teo@mail.example.test> Mailbox full
    S: 250 2.0.0 <eva@mail.example.test> … Saved`,
  )
  assert.match((await messagesIn(server, 'eva'))[0] ?? '', /^Return-Path: <>\r\n/)
  assert.equal((await messagesIn(server, 'teo')).length, 1)
})

test('aliases, .forward and commands are the business of who hands over', async (t) => {
  const server = await startServer(t, {
    mainCf: `${LISTEN}alias_maps = inline:{ ana=eva }\nheader_checks = regexp:{{/^Subject:/ REJECT}}\nvirtual_alias_maps = inline:{ {ana@mail.example.test=eva@mail.example.test} }\nsmtpd_recipient_restrictions = reject\n`,
    accounts: ['ana', 'eva'],
  })
  await transcript(
    server.port('lmtp'),
    `${GREETING}
    C: MAIL FROM:<s@else.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<ana@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Subject: x
    C: Delivered-To: ana@mail.example.test
    C: 
    C: .
    S: 250 2.0.0 <ana@mail.example.test> … Saved`,
  )
  assert.equal((await messagesIn(server, 'ana')).length, 1)
  assert.equal((await messagesIn(server, 'eva')).length, 0)
})

test('the commands are LMTP’s, and what is wrong with a message is said for each recipient', async (t) => {
  const server = await start(t, 'message_size_limit = 1000\nmailbox_size_limit = 0\n')
  await transcript(
    server.port('lmtp'),
    `S: 220 mail.example.test LMTP …
    C: EHLO front.test
    S: 500 5.5.2 Error: command not recognized
    C: MAIL FROM:<s@else.test>
    S: 503 5.5.1 Error: send LHLO first
    C: LHLO
    S: 501 Syntax: LHLO hostname
    C: LHLO front.test
    S: 250-…
    S: 250-…
    S: 250-SIZE 1000
    S: 250-…
    S: 250-…
    S: 250-…
    S: 250 CHUNKING
    C: MAIL FROM:<s@else.test> SIZE=2000
    S: 552 5.3.4 Message size exceeds fixed limit
    C: MAIL FROM:<s@else.test> RET=FULL
    S: 501 5.7.1 DSN support is disabled
    C: MAIL FROM:<s@else.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<unknown.one@mail.example.test>
    S: 550 5.1.1 …
    C: DATA
    S: 503 5.5.1 Error: no valid recipients
    C: RCPT TO:<ana@mail.example.test>
    S: 250 2.1.5 Ok
    C: RCPT TO:<eva@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: ${'x'.repeat(998)}
    C: ${'x'.repeat(998)}
    C: .
    S: 552 5.3.4 Error: message file too big
    S: 552 5.3.4 Error: message file too big
    C: 
    S: 500 5.5.2 Error: bad syntax
    C: VRFY ana
    S: 500 5.5.2 Error: command not recognized
    C: QUIT
    S: 221 2.0.0 Bye`,
  )
  assert.equal((await messagesIn(server, 'ana')).length, 0)
})

test('over inet only lmtpd_authorized_clients may speak; a unix socket is its owner’s and its group’s', async (t) => {
  const server = await start(t, 'lmtpd_authorized_clients = 192.0.2.1\n')
  await transcript(
    server.port('lmtp'),
    `S: 554 5.7.1 Error: this client may not hand over mail here
     S: <nothing more>`,
  )
  const path = join(server.dir, 'lmtp')
  assert.equal(statSync(path).mode & 0o777, 0o660)
  await transcript(
    path,
    `${GREETING}
    C: MAIL FROM:<s@else.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<ana@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: Subject: x
    C: 
    C: .
    S: 250 2.0.0 <ana@mail.example.test> … Saved`,
  )
  assert.match(
    (await messagesIn(server, 'ana'))[0] ?? '',
    /\r\nReceived: from front\.test \(localhost \[127\.0\.0\.1\]\)\r\n/,
  )
})

test('an address stands in front of a message as in a path, and ends no line of it', async (t) => {
  const server = await start(t)
  await transcript(
    server.port('lmtp'),
    `${GREETING}
    C: MAIL FROM:<"s t"@else.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<ana@mail.example.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: .
    S: 250 2.0.0 <ana@mail.example.test> … Saved`,
  )
  await submit(server, 's\r\nX-Evil: t@else.test', ['eva@mail.example.test'], 'Subject: x\n\n')
  const [[ana = ''], [eva = '']] = [await messagesIn(server, 'ana'), await messagesIn(server, 'eva')]
  assert.match(ana, /^Return-Path: <"s t"@else\.test>\r\nDelivered-To: ana@mail\.example\.test\r\n/)
  assert.match(
    eva,
    /^Return-Path: <"s\?\?X-Evil: t"@else\.test>\r\nX-Original-To: eva@mail\.example\.test\r\nDelivered-To: eva@/,
  )
})
