/** Address verification: another host is asked before mail for it is taken, and its answer is kept. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

test('reject_unverified_recipient asks the next host once, and keeps the answer', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    mainCf:
      `transport_maps = inline:{ {far.test=smtp:[127.0.0.1]:${far.port('smtp')}} {gone.test=smtp:[127.0.0.1]:9} }\n` +
      'relay_domains = far.test, gone.test\nsmtpd_recipient_restrictions = reject_unauth_destination, reject_unverified_recipient\n' +
      'unverified_recipient_reject_code = 550\naddress_verify_poll_count = 1\n',
  })
  const ask = (recipient: string, reply: string): Promise<void> =>
    transcript(
      server.port('smtp'),
      `
      S: 220 …
      C: HELO client.test
      S: 250 mail.example.test
      C: MAIL FROM:<s@client.test>
      S: 250 2.1.0 Ok
      C: RCPT TO:<${recipient}>
      S: ${reply}
    `,
    )
  await ask('bob@far.test', '250 2.1.5 Ok')
  await ask(
    'nosuch@far.test',
    '550 5.1.1 <nosuch@far.test>: Recipient address rejected: undeliverable address: host 127.0.0.1[127.0.0.1] said: 550 5.1.1 …',
  )
  await ask(
    'x@gone.test',
    '450 4.1.1 <x@gone.test>: Recipient address rejected: unverified address: connect to 127.0.0.1[127.0.0.1]:9: Connection refused',
  )
  // Both servers of this process write every line: the question itself is one connection.
  const connections = (): number => far.log().match(/smtpd\[\d+\]: connect from/g)?.length ?? 0
  const before = connections()
  await ask('bob@far.test', '250 2.1.5 Ok')
  assert.equal(connections(), before + 1, 'the answer was kept')
  assert.equal((await messagesIn(far, 'bob')).length, 0, 'nothing was delivered')
})

test('sendmail -bv: a report of what would be, and nothing delivered', async (t) => {
  const far = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf: `transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${far.port('smtp')} }\n`,
  })
  const { intake } = server.server.rooms.current
  const submission = intake.open(
    { origin: 'internal', clientAddress: '', clientName: '', helo: '', protocol: '', rewriteHeaders: false },
    { effects: [], recipients: 0, firstRecipient: '', trace: 'verify' },
  )
  assert.ok(!('code' in submission))
  await submission.write(Buffer.from('Subject: probe\r\n\r\n'))
  const recipients = ['bob@far.test', 'nosuch@far.test', 'eva@mail.example.test'].map((address) => ({ address }))
  await submission.finish({ sender: 'ana@mail.example.test', recipients, smtpUtf8: false })
  await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
  const [report = '', ...more] = await messagesIn(server, 'ana')
  assert.equal(more.length, 0)
  const actions = [...report.matchAll(/Final-Recipient: rfc822; (\S+)\r\n.*\r\nAction: (\w+)/g)].map(
    ([, who, action]) => `${who} ${action}`,
  )
  assert.deepEqual(
    new Set(actions),
    new Set(['bob@far.test deliverable', 'nosuch@far.test undeliverable', 'eva@mail.example.test deliverable']),
  )
  assert.equal((await messagesIn(server, 'eva')).length + (await messagesIn(far, 'bob')).length, 0)
  assert.match(server.log(), /to=<bob@far\.test>, .*status=deliverable \(250 2\.1\.5 Ok\)/)
})

test('sendmail -bv asks the server behind mailbox_transport, and nobody beyond an alias', async (t) => {
  const sink = await startSink(t, {
    answer: (said) => (said.startsWith('RCPT TO:<no') ? '550 5.1.1 nobody' : undefined),
  })
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf:
      `mailbox_transport = lmtp:[127.0.0.1]:${sink.port}\nlocal_recipient_maps =\n` +
      'alias_maps = inline:{ team=x@far.test }\ntransport_maps = inline:{ {far.test=error:5.1.2 closed} }\n',
  })
  const names = ['yes', 'no', 'team']
  const to = names.map((name) => `${name}@mail.example.test`)
  assert.equal(await submit(server, 'ana@mail.example.test', to, 'Subject: probe\n\n', { trace: 'verify' }), 250)
  await until('all are asked', () => (server.log().match(/status=(?:un)?deliverable/g) ?? []).length === 3)
  const log = server.log()
  assert.match(log, /to=<yes@.*relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*status=deliverable/)
  assert.match(log, /to=<no@.*dsn=5\.1\.1, status=undeliverable \(host .* said: 550 5\.1\.1 nobody/)
  assert.match(log, /to=<x@far\.test>, orig_to=<team@.*relay=local, .*status=deliverable \(forwards to x@far\.test\)/)
  // The report itself is mail for ana, and goes the same way.
  const contents = sink.contents.filter((content) => !content.includes('Final-Recipient:'))
  assert.deepEqual(contents, [], 'the question is no message')
})

test('probes go where address_verify_transport_maps says, mail where transport_maps says', async (t) => {
  const asked = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    mainCf:
      'relay_domains = far.test\ntransport_maps = inline:{ far.test=discard: }\n' +
      `address_verify_transport_maps = inline:{ far.test=smtp:[127.0.0.1]:${asked.port('smtp')} }\n` +
      'address_verify_sender = probe\naddress_verify_sender_ttl = 1h\nunverified_recipient_reject_code = 550\n' +
      'smtpd_recipient_restrictions = reject_unverified_recipient\n',
  })
  await transcript(
    server.port('smtp'),
    `
    S: 220 …
    C: HELO client.test
    S: 250 mail.example.test
    C: MAIL FROM:<s@client.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<nosuch@far.test>
    S: 550 5.1.1 <nosuch@far.test>: Recipient address rejected: undeliverable address: host 127.0.0.1[127.0.0.1] said: 550 5.1.1 …
    C: RCPT TO:<bob@far.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 End data with <CR><LF>.<CR><LF>
    C: Subject: mail
    C:
    C: .
    S: 250 2.0.0 Ok: queued as …
  `,
  )
  await server.logged(/to=<bob@far\.test>, relay=none, .*status=sent \(far\.test\)/)
  await asked.logged(/RCPT from .*<nosuch@far\.test>.*from=<probe[0-9B-Z]{4}@mail\.example\.test>/)
})

test('sender_dependent_relayhost_maps carries the mail of its senders', async (t) => {
  const own = await startServer(t, { accounts: ['bob'], mainCf: 'myhostname = far.test\nmydestination = far.test\n' })
  const server = await startServer(t, {
    mainCf:
      'mynetworks = 127.0.0.1\ndefault_transport = discard\n' +
      `sender_dependent_relayhost_maps = inline:{ ana@client.test=[127.0.0.1]:${own.port('smtp')} }\n` +
      'sender_dependent_default_transport_maps = inline:{ ana@client.test=smtp: }\n',
  })
  const send = (sender: string): Promise<void> =>
    transcript(
      server.port('smtp'),
      `
      S: 220 …
      C: HELO client.test
      S: 250 mail.example.test
      C: MAIL FROM:<${sender}>
      S: 250 2.1.0 Ok
      C: RCPT TO:<bob@far.test>
      S: 250 2.1.5 Ok
      C: DATA
      S: 354 End data with <CR><LF>.<CR><LF>
      C: Subject: from ${sender}
      C:
      C: .
      S: 250 2.0.0 Ok: queued as …
    `,
    )
  await send('eva@client.test')
  await send('ana@client.test')
  await until('both are gone', async () => (await server.server.status()).queue.messages === 0)
  const subjects = (await messagesIn(own, 'bob')).map((text) => /^Subject: (.*)\r$/m.exec(text)?.[1])
  assert.deepEqual(subjects, ['from ana@client.test'])
})
