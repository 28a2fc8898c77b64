/** Reports: who gets which, in which words, once. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Envelope } from '#src/formats/smtp/mod.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { startSink } from '../support/sink.ts'

const ERRORS = `transport_maps = inline:{ {err.test=error:5.1.2 no such place} {full.test=error:5.2.2 mailbox full} {wait.test=retry:4.4.1 nobody there} }
`
const ANA = 'ana@mail.example.test'

/** Mail of this host, as if it had just come in. */
async function send(
  { server }: TestServer,
  envelope: Partial<Envelope> & { readonly recipients: Envelope['recipients'] },
  text = 'Subject: x\r\nMessage-ID: <one@x.test>\r\n\r\nhello\r\n',
  trace?: 'deliver',
): Promise<void> {
  const submission = server.rooms.current.intake.open(
    { origin: 'internal', clientAddress: '', clientName: '', helo: '', protocol: '', rewriteHeaders: false },
    { effects: [], recipients: 0, firstRecipient: '', ...(trace !== undefined && { trace }) },
  )
  assert.ok(!('code' in submission))
  await submission.write(Buffer.from(text))
  assert.equal((await submission.finish({ sender: ANA, smtpUtf8: false, ...envelope })).code, 250)
}

/** The messages of a mailbox once there are so many, and nothing waits any more. */
async function reports(server: TestServer, count: number, user = 'ana'): Promise<string[]> {
  await until(`${count} reports`, async () => (await messagesIn(server, user)).length >= count)
  return messagesIn(server, user)
}

const to = (...addresses: readonly string[]): Envelope['recipients'] => addresses.map((address) => ({ address }))

test('all failures of a message come in one report, with the reason in plain words', async (t) => {
  const server = await startServer(t, { mainCf: ERRORS + 'enable_threaded_bounces = yes\n', accounts: ['ana'] })
  await send(server, { recipients: to('a@err.test', 'b@full.test'), envid: 'id7' })
  await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
  const [report = '', ...more] = await reports(server, 1)
  assert.equal(more.length, 0)
  for (const part of [
    '\r\nFrom: Mail Delivery System <MAILER-DAEMON@mail.example.test>\r\nSubject: Undelivered Mail Returned to Sender\r\nTo: ana@mail.example.test\r\nReferences: <one@x.test>\r\nIn-Reply-To: <one@x.test>\r\nAuto-Submitted: auto-replied\r\n',
    '\r\n<a@err.test>: no such place\r\n    What happened: the part of the address behind the @ takes no mail.\r\n',
    '\r\n<b@full.test>: mailbox full\r\n    What happened: the mailbox is full.\r\n    Who can act: the recipient;',
    'Reporting-MTA: dns; mail.example.test\r\nOriginal-Envelope-Id: id7\r\nX-Postigo-Queue-ID: ',
    'Final-Recipient: rfc822; b@full.test\r\nOriginal-Recipient: rfc822;b@full.test\r\nAction: failed\r\nStatus: 5.2.2\r\nDiagnostic-Code: X-Postigo; mailbox full\r\n',
    'Content-Description: Undelivered Message\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nReturn-Path: <ana@mail.example.test>\r\n',
    '\r\n\r\nhello\r\n',
  ])
    assert.ok(report.includes(part), `${part}\n--- is not in\n${report}`)
  assert.match(server.log(), /bounce\[\d+\]: \w+: sender non-delivery notification: \w+\n/)
})

test('a message that needs no TLS has reports that need none, unless that is switched off', async (t) => {
  const message = 'TLS-Required: No\r\nSubject: x\r\n\r\nhello\r\n'
  const heads = async (mainCf: string, text: string): Promise<string> => {
    const server = await startServer(t, { mainCf: ERRORS + mainCf, accounts: ['ana'] })
    await send(server, { recipients: to('a@err.test') }, text)
    const [report = ''] = await reports(server, 1)
    return report.slice(0, report.indexOf('\r\n\r\n'))
  }
  assert.match(await heads('', message), /^TLS-Required: no\r$/m)
  assert.doesNotMatch(await heads('', message.replace('No', 'Perhaps')), /TLS-Required/)
  assert.doesNotMatch(await heads('tls_required_enable = no\n', message), /TLS-Required/)
})

test('RET=HDRS, and a message above bounce_size_limit, come back without their body', async (t) => {
  const server = await startServer(t, { mainCf: ERRORS + 'bounce_size_limit = 1000\n', accounts: ['ana'] })
  await send(server, { recipients: to('a@err.test'), ret: 'HDRS' })
  await send(server, { recipients: to('b@err.test') }, `Subject: x\r\n\r\nbody ${'x'.repeat(2000)}\r\n`)
  for (const report of await reports(server, 2)) {
    assert.match(report, /Content-Description: Undelivered Message Headers\r\nContent-Type: text\/rfc822-headers\r\n/)
    assert.doesNotMatch(report, /hello|body/)
  }
})

test('NOTIFY=NEVER and the null sender are told nothing; the postmaster is, where notify_classes says so', async (t) => {
  const classes = 'notify_classes = bounce\n2bounce_notice_recipient = eva\nbounce_notice_recipient = eva\n'
  const server = await startServer(t, { mainCf: ERRORS + classes, accounts: ['ana', 'eva'] })
  await send(server, { recipients: [{ address: 'a@err.test', notify: ['NEVER'] }] })
  await send(server, { recipients: to('b@err.test'), sender: '' })
  const [double = ''] = await reports(server, 1, 'eva')
  assert.match(
    double,
    /^Return-Path: <double-bounce@mail\.example\.test>\r\n[^]*\r\nSubject: Postmaster Copy: Undelivered Mail\r\n/,
  )
  assert.match(double, /X-Postigo-Sender: rfc822; MAILER-DAEMON@mail\.example\.test\r\n/)
  await send(server, { recipients: to('c@err.test') })
  assert.equal((await reports(server, 1)).length, 1)
  assert.match((await reports(server, 2, 'eva'))[1] ?? '', /Auto-Submitted: auto-generated\r\n[^]*text\/rfc822-headers/)
  await send(server, { recipients: to('d@err.test'), sender: 'double-bounce@mail.example.test' })
  await until('dropped', () => server.log().includes('undeliverable postmaster notification discarded'))
  await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
  assert.equal((await messagesIn(server, 'ana')).length, 1)
})

test('a delay is told once, success when asked for, and what ends later in the usual way', async (t) => {
  const times =
    'delay_warning_time = 1s\nqueue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 1s\nmaximal_queue_lifetime = 4s\n'
  const server = await startServer(t, {
    mainCf: `${ERRORS}${times}notify_classes = delay\ndelay_notice_recipient = eva\n`,
    accounts: ['ana', 'eva'],
  })
  await send(server, {
    recipients: [
      { address: 'a@wait.test', orcpt: 'rfc822;first@x.test' },
      { address: ANA, notify: ['SUCCESS'] },
    ],
  })
  const texts = await reports(server, 4)
  const subjects = texts.map((text) => /\r\nSubject: (.*)\r\n/.exec(text)?.[1] ?? '')
  assert.deepEqual(subjects.toSorted(), [
    'Delayed Mail (still being retried)',
    'Successful Mail Delivery Report',
    'Undelivered Mail Returned to Sender',
    'x',
  ])
  const delay = texts.find((text) => text.includes('Delayed Mail')) ?? ''
  assert.match(
    delay,
    /\r\nOriginal-Recipient: rfc822;first@x\.test\r\nAction: delayed\r\nStatus: 4\.4\.1\r\nDiagnostic-Code: X-Postigo; nobody there\r\nWill-Retry-Until: /,
  )
  const [copy = ''] = await messagesIn(server, 'eva')
  assert.match(copy, /\r\nSubject: Postmaster Warning: Delayed Mail\r\n/)
  assert.match(delay, /Who can act: nobody needs to act yet; it is tried again\.\r\n/)
  assert.match(
    texts.find((text) => text.includes('Successful')) ?? '',
    /Action: delivered\r\nStatus: 2\.0\.0\r\nDiagnostic-Code: X-Postigo; delivery via local: delivered to mailbox\r\n/,
  )
  const ended = texts.find((text) => text.includes('Undelivered Mail Returned')) ?? ''
  assert.match(ended, /It was tried for as long as this system tries/)
  assert.match(ended, /Action: failed\r\nStatus: 5\.4\.1\r\n/)
})

test('in Spanish, or in words of one’s own', async (t) => {
  const spanish = await startServer(t, { mainCf: ERRORS + 'notice_language = es\n', accounts: ['ana'] })
  await send(spanish, { recipients: to('a@err.test') })
  const [informe = ''] = await reports(spanish, 1)
  assert.match(
    informe,
    /Subject: Correo no entregado, devuelto al remitente\r\n[^]*Qué ocurrió: lo que va detrás de la @ en la dirección no recibe correo\./,
  )
  const own = await startServer(t, {
    mainCf: ERRORS + 'bounce_template_file = $config_directory/bounce.cf\n',
    files: {
      'bounce.cf':
        '# ours\nfailure_template = <<END\nSubject: Sorry\nFrom: MAILER-DAEMON (Post)\n\nAt $myhostname, $maximal_queue_lifetime_hours h, $$5.\nEND\nother = 1\n',
    },
    accounts: ['ana'],
  })
  await send(own, { recipients: to('a@err.test') })
  const [report = ''] = await reports(own, 1)
  assert.match(
    report,
    /From: MAILER-DAEMON@mail\.example\.test \(Post\)\r\nSubject: Sorry\r\n[^]*\r\nAt mail\.example\.test, 120 h, \$5\.\r\n/,
  )
  assert.match(own.log(), /warning: .*bounce\.cf, line 8: unknown template name: other -- ignoring this template/)
})

test('VERP: each recipient has a sender, and a report, of its own', async (t) => {
  const server = await startServer(t, { mainCf: ERRORS + 'recipient_delimiter = +\n', accounts: ['ana'] })
  await send(server, { recipients: to('a@err.test', 'b@err.test'), verp: '+=' })
  const texts = await reports(server, 2)
  assert.deepEqual(texts.map((text) => /\r\nTo: (.*)\r\n/.exec(text)?.[1] ?? '').toSorted(), [
    'ana+a=err.test@mail.example.test',
    'ana+b=err.test@mail.example.test',
  ])
  const plain = await startServer(t, { mainCf: ERRORS + 'disable_verp_bounces = yes\n', accounts: ['ana'] })
  await send(plain, { recipients: to('a@err.test', 'b@err.test'), verp: '+=' })
  await until('nothing waits', async () => (await plain.server.status()).queue.messages === 0)
  const [one = '', ...none] = await messagesIn(plain, 'ana')
  assert.equal(none.length, 0)
  assert.equal(one.match(/Action: failed/g)?.length, 2)
})

test('internationalised mail is reported in message/global', async (t) => {
  const server = await startServer(t, { mainCf: ERRORS, accounts: ['ana'] })
  await send(server, { recipients: to('añá@err.test'), smtpUtf8: true }, 'Subject: ñ\r\n\r\nhello\r\n')
  const [report = ''] = await reports(server, 1)
  assert.match(
    report,
    /Content-Type: message\/global-delivery-status\r\n[^]*Final-Recipient: utf-8; añá@err\.test\r\n[^]*Content-Type: message\/global\r\n/,
  )
})

test('sendmail -v: what the first attempt brought', async (t) => {
  const server = await startServer(t, { mainCf: ERRORS, accounts: ['ana'] })
  await send(server, { recipients: to('a@wait.test', ANA) }, undefined, 'deliver')
  const texts = await reports(server, 3)
  const found = texts.filter((text) => text.includes('Subject: Mail Delivery Status Report')).join('')
  assert.match(found, /Action: delayed/)
  assert.match(found, /Action: delivered/)
})

test('who asks for success is told of an alias, and of what it stands for nothing more', async (t) => {
  const server = await startServer(t, {
    mainCf: `${ERRORS}alias_maps = inline:{ {single = eva} {list = eva} {owner-list = ana} }
virtual_alias_maps = inline:{ {many@mail.example.test = ana, a@err.test} }
`,
    accounts: ['ana', 'eva'],
  })
  await send(server, {
    recipients: [
      { address: 'single@mail.example.test', notify: ['SUCCESS'], orcpt: 'rfc822;first@x.test' },
      { address: 'list@mail.example.test', notify: ['SUCCESS', 'DELAY'] },
      { address: 'many@mail.example.test', notify: ['SUCCESS', 'FAILURE'] },
    ],
  })
  await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
  const texts = await reports(server, 3)
  const success = texts.filter((text) => text.includes('Subject: Successful Mail Delivery Report'))
  const actions = success.flatMap((text) => [
    ...text.matchAll(/Final-Recipient: rfc822; (.*)\r\nOriginal-Recipient: (.*)\r\nAction: (.*)\r\n/g),
  ])
  assert.deepEqual(actions.map(([, ...words]) => words.join(' ')).toSorted(), [
    'list@mail.example.test rfc822;list@mail.example.test delivered',
    'many@mail.example.test rfc822;many@mail.example.test expanded',
    'single@mail.example.test rfc822;first@x.test expanded',
  ])
  assert.match(success.join(''), /<many@mail\.example\.test>: alias expanded\r\n/)
  assert.match(success.join(''), /<single@mail\.example\.test>: delivery via local: alias expanded\r\n/)
  const failure = texts.find((text) => text.includes('Undelivered Mail Returned')) ?? ''
  assert.match(failure, /Final-Recipient: rfc822; a@err\.test\r\n[^]*Action: failed/)
  assert.doesNotMatch(server.log(), / to=<many@/)
})

test('confirm_delay_cleared: who was told of a delay is told that it is over', async (t) => {
  for (const confirm of ['no', 'yes']) {
    const times =
      'delay_warning_time = 1s\nqueue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 1s\n'
    let full = true
    const sink = await startSink(t, {
      answer: (said) => (full && said.startsWith('RCPT') ? '452 4.2.2 full' : undefined),
    })
    const server = await startServer(t, {
      mainCf: `relayhost = [127.0.0.1]:${sink.port}\n${times}confirm_delay_cleared = ${confirm}\n`,
      accounts: ['ana'],
    })
    await send(server, { recipients: [...to('a@far.test'), { address: 'b@far.test', notify: ['FAILURE'] }] })
    await reports(server, 1)
    full = false
    await until('nothing waits', async () => (await server.server.status()).queue.messages === 0)
    const texts = await messagesIn(server, 'ana')
    const subjects = texts.map((text) => /\r\nSubject: (.*)\r\n/.exec(text)?.[1] ?? '')
    const cleared = confirm === 'yes' ? ['Successful Mail Delivery Report'] : []
    assert.deepEqual(subjects.toSorted(), ['Delayed Mail (still being retried)', ...cleared])
    if (confirm === 'no') continue
    const report = texts.find((text) => text.includes('Successful')) ?? ''
    assert.doesNotMatch(report, /b@far\.test/)
    assert.match(report, /^<a@far\.test>: delivery via 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: 250 2\.0\.0 Ok/m)
    assert.match(
      report,
      /^Action: relayed\r\nStatus: 2\.0\.0\r\nRemote-MTA: dns; 127\.0\.0\.1\r\nDiagnostic-Code: smtp; 250 2\.0\.0 Ok/m,
    )
  }
})
