import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answers, dialogue, startSmtpd } from './fixture.test.ts'

test('MAIL, in the ways clients write it', async (t) => {
  const { port } = await startSmtpd(t)
  await answers(
    port,
    `MAIL => 501 5.5.4 Syntax: MAIL FROM:<address>
    MAIL TO:<a@b> => 501 5.5.4 Syntax: MAIL FROM:<address>
    MAIL FROM <a@b> => 501 5.5.4 Syntax: MAIL FROM:<address>
    MAIL FROM:<a b@c> => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<a@b => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<a@b..c> => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<a@1.2.3.4> => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<a@[1.2.3]> => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<-a@b> => 501 5.1.7 Bad sender address syntax
    MAIL FROM:Foo Bar <a@b> => 555 5.5.4 Unsupported option: Bar
    MAIL FROM:<a@b> SIZE=abc => 501 5.5.4 Bad message size syntax
    MAIL FROM:<a@b> SIZE=99999999999 => 552 5.3.4 Message size exceeds fixed limit
    MAIL FROM:<a@b> BODY=BINARYMIME => 555 5.5.4 Unsupported option: BODY=BINARYMIME
    MAIL FROM:<a@b> XVERP => 555 5.5.4 Unsupported option: XVERP
    MAIL FROM: <a@b> => 250 2.1.0 Ok
    MAIL FROM:<c@d> => 503 5.5.1 Error: nested MAIL command
    RSET => 250 2.0.0 Ok
    mail from:<> => 250 2.1.0 Ok
    rset => 250 2.0.0 Ok
    MAIL FROM:a@b AUTH=<> => 250 2.1.0 Ok
    RSET x => 501 5.5.4 Syntax: RSET
    RSET => 250 2.0.0 Ok
    MAIL FROM:<@r1,@r2:a@b> SIZE=10 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=QQ314159 => 250 2.1.0 Ok
    RSET => 250 2.0.0 Ok
    MAIL FROM:<ñ@b> => 250 2.1.0 Ok
    RSET => 250 2.0.0 Ok
    MAIL FROM:<\\xff@b> => 500 5.5.2 Error: bad UTF-8 syntax`,
  )
})

test('RCPT', async (t) => {
  const { port } = await startSmtpd(t)
  await answers(
    port,
    `RCPT TO:<x@localhost> => 503 5.5.1 Error: need MAIL command
    DATA => 503 5.5.1 Error: need RCPT command
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    DATA => 554 5.5.1 Error: no valid recipients
    RCPT => 501 5.5.4 Syntax: RCPT TO:<address>
    RCPT TO: => 501 5.5.4 Syntax: RCPT TO:<address>
    RCPT TO:<> => 501 5.1.3 Bad recipient address syntax
    RCPT TO:<x y@z> => 501 5.1.3 Bad recipient address syntax
    RCPT TO:<-x@localhost> => 501 5.1.3 Bad recipient address syntax
    RCPT TO:<x@localhost> NOTIFY=NEVER,DELAY => 501 5.5.4 Error: Bad NOTIFY parameter syntax
    RCPT TO:<x@localhost> ORCPT=foo => 501 5.5.4 Error: Bad ORCPT parameter syntax
    RCPT TO:<x@localhost> foo=bar => 555 5.5.4 Unsupported option: foo=bar
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    RCPT TO: <"x y"@localhost> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x+2By@localhost => 250 2.1.5 Ok
    RCPT TO:<postmaster> => 250 2.1.5 Ok
    DATA x => 501 5.5.4 Syntax: DATA
    EHLO again => 250-mail.midominio.com
    RSET => …`,
  )
})

test('strict_rfc821_envelopes and strict_smtputf8', async (t) => {
  const { port } = await startSmtpd(t, 'strict_rfc821_envelopes = yes\nstrict_smtputf8 = yes\n')
  await answers(
    port,
    `MAIL FROM:a@b => 501 5.1.7 Bad sender address syntax
    MAIL FROM:<ñ@b> => 553 5.6.7 Must declare SMTPUTF8 to send unicode address
    MAIL FROM: <a@b> => 250 2.1.0 Ok
    RCPT TO:x@localhost => 501 5.1.3 Bad recipient address syntax
    RCPT TO:<ñ@localhost> => 553 5.6.7 Must declare SMTPUTF8 to send unicode address
    RSET => 250 2.0.0 Ok
    MAIL FROM:<ñ@b> SMTPUTF8 => 250 2.1.0 Ok
    RCPT TO:<ñ@localhost> => 250 2.1.5 Ok`,
  )
})

test('XVERP and its delimiters; DSN where it is discarded', async (t) => {
  const smtpd = await startSmtpd(t, 'smtpd_authorized_verp_clients = 127.0.0.1\nsmtpd_discard_ehlo_keywords = dsn\n')
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> XVERP=+ => 501 5.5.4 Error: XVERP needs two characters from -=+
    MAIL FROM:<a@b> XVERP=ab => 501 5.5.4 Error: XVERP needs two characters from -=+
    MAIL FROM:<> XVERP => 503 5.5.4 Error: XVERP requires non-null sender
    MAIL FROM:<a@b> RET=FULL => 501 5.7.1 DSN support is disabled
    MAIL FROM:<a@b> XVERP=-= => 250 2.1.0 Ok
    RCPT TO:<x@localhost> NOTIFY=NEVER => 501 5.7.1 DSN support is disabled
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1`,
  )
  assert.equal(smtpd.taken[0]?.envelope.verp, '-=')
})

test('verp_delimiter_filter and default_verp_delimiters: which characters XVERP may name, and those where it names none', async (t) => {
  const clients = 'smtpd_authorized_verp_clients = 127.0.0.1\n'
  const smtpd = await startSmtpd(t, `${clients}verp_delimiter_filter = #=\ndefault_verp_delimiters = #=\n`)
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> XVERP=+= => 501 5.5.4 Error: XVERP needs two characters from #=
    MAIL FROM:<a@b> XVERP => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1
    MAIL FROM:<a@b> XVERP==# => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q2`,
  )
  assert.deepEqual(
    smtpd.taken.map(({ envelope }) => envelope.verp),
    ['#=', '=#'],
  )
})

test('what intake is told of a message', async (t) => {
  const smtpd = await startSmtpd(t, '', { names: { '127.0.0.1': 'pc.example' } })
  await answers(
    smtpd.port,
    `MAIL FROM:<ana@b.example> SIZE=30 BODY=8BITMIME RET=FULL ENVID=a+2Bb => 250 2.1.0 Ok
    RCPT TO:<x@localhost> NOTIFY=NEVER => 250 2.1.5 Ok
    RCPT TO:<"y z"@localhost> ORCPT=rfc822;o+2Bo@c => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    Subject: x\\r\\n\\r\\n..dot\\r\\n. => 250 2.0.0 Ok: queued as Q1`,
  )
  const [taken] = smtpd.taken
  assert.equal(taken?.content, 'Subject: x\r\n\r\n.dot\r\n')
  assert.deepEqual(taken?.envelope, {
    sender: 'ana@b.example',
    recipients: [
      { address: 'x@localhost', notify: ['NEVER'] },
      { address: 'y z@localhost', orcpt: 'rfc822;o+o@c' },
    ],
    ret: 'FULL',
    envid: 'a+b',
    body: '8BITMIME',
    smtpUtf8: false,
    verp: undefined,
  })
  const { clientPort, ...arrival } = taken?.arrival ?? { clientPort: undefined }
  assert.equal(typeof clientPort, 'number')
  assert.deepEqual(arrival, {
    origin: 'smtp',
    clientAddress: '127.0.0.1',
    clientName: 'pc.example',
    helo: 'client.example',
    protocol: 'ESMTP',
    tls: undefined,
    rewriteHeaders: true,
  })
  assert.equal(taken?.options.recipients, 2)
  assert.equal(taken?.options.queueId, 'Q1')
})

test('relay is refused, and the session goes on', async (t) => {
  const { port } = await startSmtpd(t, 'mynetworks = 10.0.0.0/8\n')
  await answers(
    port,
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@elsewhere.example> => 554 5.7.1 <x@elsewhere.example>: Relay access denied
    RCPT TO:<usuario@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1
    MAIL FROM:<a@b> => 250 2.1.0 Ok`,
  )
})

test('what access actions ask for is handed to intake', async (t) => {
  const smtpd = await startSmtpd(
    t,
    `smtpd_recipient_restrictions = check_recipient_access inline:{{x@localhost=PREPEND X-Seen: yes}}
smtpd_data_restrictions = check_sender_access inline:{{a@b=HOLD}}
smtpd_end_of_data_restrictions = check_sender_access inline:{{a@b=REDIRECT other@localhost}}
`,
  )
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 250 2.0.0 Ok: queued as Q1`,
  )
  const [taken] = smtpd.taken
  assert.deepEqual(
    taken?.options.effects.map((e) => e.action),
    ['prepend', 'hold', 'redirect'],
  )
  assert.deepEqual(
    taken?.effects.map((e) => e.action),
    ['redirect'],
  )
})

test("intake's refusal and policy's at DATA leave the session as it should be", async (t) => {
  const smtpd = await startSmtpd(
    t,
    'smtpd_data_restrictions = check_sender_access inline:{{no@b=550 not you}, {off@b=521 off}}\n',
  )
  smtpd.answer = { code: 452, enhanced: '4.3.1', lines: ['Insufficient system storage'] }
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    . => 452 4.3.1 Insufficient system storage
    RCPT TO:<x@localhost> => 503 5.5.1 Error: need MAIL command
    MAIL FROM:<no@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 550 5.7.1 <no@b>: Sender address rejected: not you
    MAIL FROM:<a@b> => 503 5.5.1 Error: nested MAIL command
    RSET => 250 2.0.0 Ok
    MAIL FROM:<off@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 521 5.7.1 <off@b>: Sender address rejected: off | <end>`,
  )
})

test('message_size_limit: at MAIL, and behind the message', async (t) => {
  const smtpd = await startSmtpd(t, 'message_size_limit = 200\n')
  await answers(
    smtpd.port,
    `MAIL FROM:<a@b> SIZE=201 => 552 5.3.4 Message size exceeds fixed limit
    MAIL FROM:<a@b> SIZE=10 => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    ${'x'.repeat(150)}\\r\\n${'x'.repeat(80)}\\r\\n. => 552 5.3.4 Error: message file too big
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    RCPT TO:<x@localhost> => 250 2.1.5 Ok
    DATA => 354 End data with <CR><LF>.<CR><LF>
    ${'x'.repeat(198)}\\r\\n. => 250 2.0.0 Ok: queued as Q2`,
  )
  const [reject] = smtpd.events.filter((e) => e.event === 'smtpd.reject')
  assert.equal(reject?.text, '552 5.3.4 Message size exceeds fixed limit')
  assert.equal(reject?.sender, 'a@b')
})

test('intake may make the session wait', async (t) => {
  const smtpd = await startSmtpd(t, '', { slowWriteMs: 20 })
  await dialogue(
    smtpd.port,
    `S: 220 …
    C: EHLO a
    X:
    c: MAIL FROM:<a@b>\\r\\nRCPT TO:<x@localhost>\\r\\nDATA\\r\\n
    S: 250 2.1.0 Ok
    S: 250 2.1.5 Ok
    S: 354 End data with <CR><LF>.<CR><LF>
    c: a\\r\\nb
    c: c\\r\\n.\\r\\nMAIL FROM:<a@b>\\r\\nQUIT\\r\\n
    S: 250 2.0.0 Ok: queued as Q1
    S: 250 2.1.0 Ok
    S: 221 2.0.0 Bye
    S: <end>`,
  )
  assert.equal(smtpd.taken[0]?.content, 'a\r\nbc\r\n')
})

test('VRFY and ETRN', async (t) => {
  const { port } = await startSmtpd(t, 'smtpd_reject_unlisted_recipient = yes\nmynetworks = 10.0.0.0/8\n', {
    flush: async (domain) =>
      domain === 'ours.example' ? 'started' : domain === 'broken.example' ? 'failed' : 'denied',
  })
  await answers(
    port,
    `VRFY => 501 5.5.4 Syntax: VRFY address [SMTPUTF8]
    VRFY usuario => 252 2.0.0 usuario
    VRFY <usuario@localhost> SMTPUTF8 => 252 2.0.0 <usuario@localhost>
    VRFY nadie => 550 5.1.1 <nadie>: Recipient address rejected: User unknown in local recipient table
    VRFY x@elsewhere.example => 554 5.7.1 <x@elsewhere.example>: Relay access denied
    VRFY a b => 501 5.1.3 Bad recipient address syntax
    ETRN => 500 Syntax: ETRN domain
    ETRN a b => 500 Syntax: ETRN domain
    ETRN foo..bar => 501 Error: invalid parameter syntax
    ETRN #elsewhere.example => 459 <elsewhere.example>: service unavailable
    ETRN ours.example => 250 Queuing started
    ETRN broken.example => 458 Unable to queue messages
    MAIL FROM:<a@b> => 250 2.1.0 Ok
    ETRN ours.example => 503 Error: MAIL transaction in progress`,
  )
})
