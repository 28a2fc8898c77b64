import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answers, dialogue, startSmtpd } from './fixture.test.ts'

const plain = (user: string, password: string): string => Buffer.from(`\0${user}\0${password}`).toString('base64')
const GOOD = plain('usuario', 'secret')

test('PLAIN with and without an initial response, and LOGIN', async (t) => {
  const smtpd = await startSmtpd(t)
  const user = Buffer.from('usuario').toString('base64')
  const secret = Buffer.from('secret').toString('base64')
  await answers(
    smtpd.port,
    `AUTH PLAIN ${GOOD} => 235 2.7.0 Authentication successful
    AUTH PLAIN ${GOOD} => 503 5.5.1 Error: already authenticated`,
  )
  await answers(smtpd.port, `auth plain => 334…\n${GOOD} => 235 2.7.0 Authentication successful`)
  await answers(
    smtpd.port,
    `AUTH LOGIN => 334 VXNlcm5hbWU6
    ${user} => 334 UGFzc3dvcmQ6
    ${secret} => 235 2.7.0 Authentication successful
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1`,
  )
  const [client] = smtpd.events.filter((e) => e.event === 'smtpd.client')
  assert.equal(client?.saslMethod, 'LOGIN')
  assert.equal(client?.saslUsername, 'usuario')
  assert.equal(smtpd.taken[0]?.arrival.protocol, 'ESMTPA')
  assert.equal(smtpd.taken[0]?.arrival.saslUsername, 'usuario')
})

test('refusals, word for word', async (t) => {
  const smtpd = await startSmtpd(t)
  await answers(
    smtpd.port,
    `AUTH => 501 5.5.4 Syntax: AUTH mechanism
    AUTH PLAIN a b => 501 5.5.4 Syntax: AUTH mechanism
    AUTH foo => 535 5.7.8 Error: authentication failed: no mechanism available
    AUTH plain ${plain('usuario', 'wrong')} => 535 5.7.8 Error: authentication failed: authentication failure
    AUTH PLAIN ${plain('nadie', 'wrong')} => 535 5.7.8 Error: authentication failed: authentication failure
    AUTH PLAIN !!!! => 535 5.7.8 Error: authentication failed: another step is needed in authentication
    AUTH CRAM-MD5 => 334 …
    * => 501 5.7.0 Authentication aborted
    AUTH CRAM-MD5 => 334 …
    xxx => 535 5.7.8 Error: authentication failed: another step is needed in authentication
    AUTH PLAIN => 334 …
    ${'A'.repeat(13_000)} => 500 5.5.6 SASL response limit exceeded
    NOOP => 250 2.0.0 Ok
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    AUTH PLAIN ${GOOD} => 503 5.5.1 Error: MAIL transaction in progress`,
  )
  const failures = smtpd.events.filter((e) => e.event === 'smtpd.auth_failed')
  assert.deepEqual(failures.map((e) => [e.mechanism, e.reason]).slice(0, 3), [
    ['foo', 'no mechanism available'],
    ['plain', 'authentication failure'],
    ['PLAIN', 'authentication failure'],
  ])
})

test('AUTH only where it is offered', async (t) => {
  const off = 'AUTH PLAIN => 503 5.5.1 Error: authentication not enabled'
  for (const cf of ['smtpd_sasl_auth_enable = no\n', 'smtpd_tls_auth_only = yes\n']) {
    const { port } = await startSmtpd(t, cf)
    await answers(port, off)
  }
  const plainOff = await startSmtpd(t, 'smtpd_sasl_security_options = noplaintext, noanonymous\n')
  await dialogue(
    plainOff.port,
    `S: 220 …
    C: EHLO a
    S: …
    S: …
    S: …
    S: …
    S: …
    S: 250-STARTTLS
    S: 250-AUTH DIGEST-MD5 CRAM-MD5
    S: 250-AUTH=DIGEST-MD5 CRAM-MD5
    X:
    C: AUTH LOGIN
    S: 535 5.7.8 Error: authentication failed: encryption needed to use mechanism`,
  )
})

test('STARTTLS begins the session anew, and what was sent in plain behind it is not heard', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_tls_auth_only = yes\nsmtpd_helo_required = yes\nsmtpd_tls_loglevel = 1\n')
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: EHLO a
    X:
    C: STARTTLS x
    S: 501 5.5.4 Syntax: STARTTLS
    c: STARTTLS\\r\\nMAIL FROM:<evil@b>\\r\\nRCPT TO:<x@localhost>\\r\\n
    S: 220 2.0.0 Ready to start TLS
    !tls
    C: MAIL FROM:<a@b>
    S: 503 5.5.1 Error: send HELO/EHLO first
    C: EHLO a
    S: …
    S: …
    S: …
    S: …
    S: …
    S: 250-AUTH PLAIN LOGIN DIGEST-MD5 CRAM-MD5
    X:
    C: STARTTLS
    S: 554 5.5.1 Error: TLS already active
    C: AUTH PLAIN ${GOOD}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<a@b> SMTPUTF8
    S: 250 2.1.0 Ok
    C: RCPT TO:<x@localhost>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: .
    S: 250 2.0.0 Ok: queued as Q1`,
  )
  assert.equal(smtpd.taken[0]?.arrival.protocol, 'UTF8SMTPSA')
  assert.equal(smtpd.taken[0]?.arrival.tls?.protocol, 'TLSv1.3')
  assert.ok(smtpd.events.some((e) => e.event === 'smtpd.tls'))
})

test('where TLS is required, little is said before it', async (t) => {
  const { port } = await startSmtpd(t, 'smtpd_tls_security_level = encrypt\n')
  const must = '530 5.7.0 Must issue a STARTTLS command first'
  await answers(
    port,
    ['MAIL FROM:<a@b>', 'RCPT TO:<x@y>', 'DATA', 'BDAT 3', 'RSET', 'VRFY x', 'ETRN x', 'AUTH PLAIN', 'XCLIENT x']
      .map((command) => `${command} => ${must}`)
      .concat('NOOP => 250 2.0.0 Ok', 'FOO => 500 5.5.2 Error: command not recognized', 'QUIT => 221 2.0.0 Bye')
      .join('\n'),
  )
})

test('STARTTLS where there is none, and a handshake that fails', async (t) => {
  const none = await startSmtpd(t, 'smtpd_tls_security_level = none\n')
  await answers(none.port, 'STARTTLS => 502 5.5.1 Error: command not implemented')
  const broken = await startSmtpd(t, '', { tlsAvailable: false })
  await answers(broken.port, 'STARTTLS => 454 4.7.0 TLS not available due to local problem')
  const smtpd = await startSmtpd(t)
  await answers(smtpd.port, 'STARTTLS => 220 2.0.0 Ready to start TLS\nthis is no TLS => <end>')
  const ended = smtpd.events.find((e) => e.event === 'smtpd.ended')
  assert.deepEqual([ended?.what, ended?.where], ['lost connection', 'STARTTLS'])
  const counts = smtpd.events.find((e) => e.event === 'smtpd.disconnect')
  assert.equal(counts?.counts, 'ehlo=1 starttls=0/1 commands=1/2')
})

test('rates of AUTH, messages, recipients and handshakes', async (t) => {
  const { port } = await startSmtpd(
    t,
    `smtpd_client_event_limit_exceptions =
smtpd_client_auth_rate_limit = 1
smtpd_client_message_rate_limit = 1
smtpd_client_recipient_rate_limit = 1
smtpd_client_new_tls_session_rate_limit = 1
`,
  )
  await answers(
    port,
    `AUTH foo => 535 5.7.8 Error: authentication failed: no mechanism available
    AUTH foo => 450 4.7.1 Error: too many AUTH commands from 127.0.0.1
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    RCPT TO:<y@localhost> => 450 4.7.1 Error: too many recipients from 127.0.0.1
    RSET => 250 2.0.0 Ok
    MAIL FROM:<a@b> => 450 4.7.1 Error: too much mail from 127.0.0.1
    STARTTLS => 220 2.0.0 Ready to start TLS
    no TLS => <end>`,
  )
  await answers(port, 'STARTTLS => 454 4.7.0 Error: too many new TLS sessions from 127.0.0.1')
})

test('smtpd_sasl_exceptions_networks are not offered AUTH, and may log in all the same', async (t) => {
  const { port } = await startSmtpd(t, 'smtpd_sasl_exceptions_networks = 127.0.0.0/8\n')
  await answers(port, `AUTH PLAIN ${GOOD} => 235 2.7.0 Authentication successful`)
})
