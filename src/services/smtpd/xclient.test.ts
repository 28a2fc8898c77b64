import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answers, startSmtpd } from './fixture.test.ts'

test('XCLIENT: whoever may says for whom it speaks, and the session begins anew', async (t) => {
  const smtpd = await startSmtpd(
    t,
    `smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_client_restrictions = check_client_access inline:{{172.16.18=REJECT}}
`,
  )
  await answers(
    smtpd.port,
    `XCLIENT => 501 5.5.4 Syntax: XCLIENT attribute=value...
    XCLIENT foo => 501 5.5.4 Error: attribute=value expected
    XCLIENT foo=bar => 501 5.5.4 Bad XCLIENT attribute name: foo
    XCLIENT ADDR=999 => 501 5.5.4 Bad ADDR syntax: 999
    XCLIENT NAME=@@ => 501 5.5.4 Bad NAME syntax: @@
    XCLIENT PORT=foo => 501 5.5.4 Bad PORT syntax: foo
    XCLIENT PROTO=foo => 501 5.5.4 Bad PROTO syntax: foo
    XCLIENT NAME=a.red18.net ADDR=172.16.18.9 PROTO=ESMTP HELO=pc => 220 mail.midominio.com ESMTP Postfix
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 554 5.7.1 <a.red18.net[172.16.18.9]>: Client host rejected: Access denied
    RSET => 250 2.0.0 Ok
    XCLIENT ADDR=127.0.0.1 => 550 5.7.0 Error: insufficient authorization`,
  )
})

test('XCLIENT LOGIN', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_authorized_xclient_hosts = 127.0.0.1\nmynetworks = 10.0.0.0/8\n')
  await answers(
    smtpd.port,
    `XCLIENT NAME=[TEMPUNAVAIL] REVERSE_NAME=[UNAVAILABLE] ADDR=IPv6:2001:db8::1 LOGIN=fred => 220 …
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@elsewhere.example> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1`,
  )
  assert.equal(smtpd.taken[0]?.arrival.saslUsername, 'fred')
  assert.equal(smtpd.taken[0]?.arrival.clientAddress, '2001:db8::1')
})

test('XFORWARD goes to the log', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_authorized_xforward_hosts = 127.0.0.1\n')
  await answers(
    smtpd.port,
    `XFORWARD => 501 5.5.4 Syntax: XFORWARD attribute=value...
    XFORWARD foo=bar => 501 5.5.4 Bad XFORWARD attribute name: foo
    XFORWARD NAME=relay.example ADDR=198.51.100.9 HELO=x PROTO=ESMTP PORT=25 IDENT=AB12 SOURCE=LOCAL => 250 2.0.0 Ok
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    XFORWARD NAME=x => 503 5.5.1 Error: MAIL transaction in progress
    RCPT TO:<x@localhost> => 250 2.1.5 Ok`,
  )
  const [client] = smtpd.events.filter((e) => e.event === 'smtpd.client')
  assert.deepEqual([client?.origQueueId, client?.origClient], ['AB12', 'relay.example[198.51.100.9]'])
  const stranger = await startSmtpd(t)
  await answers(
    stranger.port,
    `XFORWARD NAME=x => 550 5.7.0 Error: insufficient authorization
    XCLIENT NAME=x => 550 5.7.0 Error: insufficient authorization`,
  )
})
