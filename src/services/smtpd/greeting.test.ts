import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dialogue, startSmtpd } from './fixture.test.ts'

test('the dialogue of the how-to, as by default', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'mail_name = Postigo\nmessage_size_limit = 5120000\nsmtpd_tls_security_level = none\nsmtputf8_enable = no\n',
  )
  await dialogue(
    smtpd.port,
    `S: 220 mail.midominio.com ESMTP Postigo
    C: helo mail.midominio.com
    S: 250 mail.midominio.com
    C: ehlo mail.midominio.com
    S: 250-mail.midominio.com
    S: 250-PIPELINING
    S: 250-SIZE 5120000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-AUTH PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-AUTH=PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250 CHUNKING
    C: quit
    S: 221 2.0.0 Bye
    S: <end>`,
  )
})

test("the how-to's own dialogue, with keywords discarded and XVERP allowed", async (t) => {
  const smtpd = await startSmtpd(
    t,
    `mail_name = Postigo
message_size_limit = 5120000
smtpd_tls_security_level = none
smtputf8_enable = no
smtpd_discard_ehlo_keywords = enhancedstatuscodes, dsn, chunking
smtpd_authorized_verp_clients = $mynetworks
`,
  )
  await dialogue(
    smtpd.port,
    `S: 220 mail.midominio.com ESMTP Postigo
    C: ehlo mail.midominio.com
    S: 250-mail.midominio.com
    S: 250-PIPELINING
    S: 250-SIZE 5120000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-AUTH PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-AUTH=PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-XVERP
    S: 250 8BITMIME
    C: quit
    S: 221 2.0.0 Bye`,
  )
  const [discarding] = smtpd.events.filter((e) => e.event === 'smtpd.discarding')
  assert.equal(discarding?.keywords, 'ENHANCEDSTATUSCODES DSN CHUNKING')
})

test('every EHLO line, in order', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_authorized_verp_clients = 127.0.0.1\nsmtpd_authorized_xclient_hosts = 127.0.0.1\nsmtpd_authorized_xforward_hosts = 127.0.0.1\n',
  )
  await dialogue(
    smtpd.port,
    `S: 220 mail.midominio.com ESMTP Postfix
    C: EHLO a
    S: 250-mail.midominio.com
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-STARTTLS
    S: 250-AUTH PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-AUTH=PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    S: 250-XVERP
    S: 250-XCLIENT NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT
    S: 250-XFORWARD NAME ADDR PROTO HELO SOURCE PORT IDENT
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 CHUNKING`,
  )
})

test('keywords are discarded by client address', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_discard_ehlo_keyword_address_maps = inline:{{127.0.0.1=silent-discard, pipelining size vrfy etrn starttls auth dsn smtputf8}}\nsmtpd_discard_ehlo_keywords = chunking\n',
  )
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: EHLO a
    S: 250-mail.midominio.com
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250 CHUNKING`,
  )
  assert.ok(!smtpd.events.some((e) => e.event === 'smtpd.discarding'))
})

test('a client that is refused may only quit', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_delay_reject = no\nsmtpd_client_restrictions = reject\n', {
    names: { '127.0.0.1': 'pc.example' },
  })
  await dialogue(
    smtpd.port,
    `S: 554 5.7.1 <pc.example[127.0.0.1]>: Client host rejected: Access denied
    C: EHLO a
    S: 503 5.7.0 Error: access denied for pc.example[127.0.0.1]
    C: FOO
    S: 503 5.7.0 Error: access denied for pc.example[127.0.0.1]
    C: QUIT
    S: 221 2.0.0 Bye
    S: <end>`,
  )
})

test('421 at the greeting disconnects', async (t) => {
  const restriction = 'smtpd_client_restrictions = check_client_access inline:{{127.0.0.1=421 later}}\n'
  const smtpd = await startSmtpd(t, 'smtpd_delay_reject = no\n' + restriction)
  await dialogue(smtpd.port, 'S: 421 4.7.1 <unknown[127.0.0.1]>: Client host rejected: later\nS: <end>')
})

test('a refused HELO changes nothing', async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_delay_reject = no\nsmtpd_helo_required = yes\nsmtpd_helo_restrictions = check_helo_access inline:{{bad=550 go away}, {worse=521 hang up}}\n',
  )
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: HELO bad
    S: 550 5.7.1 <bad>: Helo command rejected: go away
    C: MAIL FROM:<a@b>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: HELO good
    S: 250 mail.midominio.com
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 Ok
    C: EHLO bad
    S: 550 5.7.1 <bad>: Helo command rejected: go away
    C: RCPT TO:<c@localhost>
    S: 250 2.1.5 Ok
    C: EHLO worse
    S: 521 5.7.1 <worse>: Helo command rejected: hang up
    S: <end>`,
  )
})

test('a greeting without a name, and one with odd characters', async (t) => {
  const smtpd = await startSmtpd(t)
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: HELO
    S: 501 Syntax: HELO hostname
    C: EHLO
    S: 501 Syntax: EHLO hostname
    C: HELO x (y);@"z"
    S: 250 mail.midominio.com
    C: MAIL FROM:<a@b>
    S: 250 2.1.0 Ok
    C: RCPT TO:<c@localhost>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    c: hi\\r\\n.\\r\\n
    S: 250 2.0.0 Ok: queued as Q1`,
  )
  assert.equal(smtpd.taken[0]?.arrival.helo, 'x??y????z?')
  assert.equal(smtpd.taken[0]?.arrival.protocol, 'SMTP')
})

test('too many connections of one client, and too often', async (t) => {
  const exceptions = 'smtpd_client_event_limit_exceptions =\n'
  const few = await startSmtpd(t, exceptions + 'smtpd_client_connection_count_limit = 1\n')
  const two = await startSmtpd(t, exceptions + 'smtpd_client_connection_rate_limit = 1\n')
  const refusal = 'S: 421 4.7.0 mail.midominio.com Error: too many connections from 127.0.0.1\nS: <end>'
  const first = dialogue(few.port, 'S: 220 …\nC: NOOP\nS: 250 2.0.0 Ok\nC: EHLO a\nX:\nC: NOOP\nX:')
  await dialogue(two.port, 'S: 220 …\nC: QUIT\nS: 221 2.0.0 Bye')
  await dialogue(two.port, refusal)
  await first
  const both = Promise.all([dialogue(few.port, 'S: …'), dialogue(few.port, 'S: …')])
  await both
  const warnings = [...few.events].flatMap((e) => (e.event === 'smtpd.warning' ? [e.text] : []))
  assert.ok(warnings.includes('Connection concurrency limit exceeded: 2 from unknown[127.0.0.1] for service smtp'))
  assert.ok(warnings.includes('Connection rate limit exceeded: 2 from unknown[127.0.0.1] for service smtp'))
})
