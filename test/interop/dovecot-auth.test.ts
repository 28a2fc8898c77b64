/** smtpd_sasl_type = dovecot against an installed Dovecot's authentication server. */
import { test } from 'node:test'
import { dovecot, withoutDovecot } from '../support/dovecot.ts'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

test('who Dovecot knows may log in', { skip: withoutDovecot ?? false }, async (t) => {
  const socket = await dovecot(t)
  const server = await startServer(t, { mainCf: `smtpd_sasl_type = dovecot\nsmtpd_sasl_path = ${socket}\n` })
  const plain = (password: string): string => Buffer.from(`\0ana\0${password}`).toString('base64')
  await transcript(
    server.port('smtp'),
    `S: 220 …
    C: EHLO x
    S: 250-mail.example.test
    S: 250-PIPELINING
    S: 250-SIZE 10240000
    S: 250-VRFY
    S: 250-ETRN
    S: 250-STARTTLS
    S: 250-AUTH PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256
    S: 250-ENHANCEDSTATUSCODES
    S: 250-8BITMIME
    S: 250-DSN
    S: 250-SMTPUTF8
    S: 250 CHUNKING
    C: AUTH FOO
    S: 535 5.7.8 Error: authentication failed: Invalid authentication mechanism
    C: AUTH PLAIN ${plain('wrong')}
    S: 535 5.7.8 Error: authentication failed: (reason unavailable)
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: *
    S: 501 5.7.0 Authentication aborted
    C: AUTH PLAIN ${plain('secret')}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<ana@example.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<b@elsewhere.test>
    S: 250 2.1.5 Ok`,
  )
  await server.logged(/sasl_method=PLAIN, sasl_username=ana/)
})

test('while nobody answers at the socket, no AUTH is offered, and the log says why', async (t) => {
  const server = await startServer(t, { mainCf: 'smtpd_sasl_type = dovecot\nsmtpd_sasl_path = private/auth\n' })
  await transcript(
    server.port('smtp'),
    'S: 220 …\nC: HELO x\nS: 250 …\nC: AUTH PLAIN\nS: 503 5.5.1 Error: authentication not enabled',
  )
  await server.logged(/warning: SASL: Connect to private\/auth failed: .*private\/auth: .*ENOENT/)
})
