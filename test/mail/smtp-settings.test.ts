/** Settings of the SMTP and LMTP clients that change what they say, where from, and how long they wait. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { messagesIn, submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Sink, type SinkMood, startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

const SENDER = 'ana@mail.example.test'

interface Sent {
  readonly server: TestServer
  readonly sink: Sink
  /** `dsn=…, status=… (…)` of the message. */
  readonly result: string
}

async function sendOne(t: TestContext, mainCf: string, mood: SinkMood = {}): Promise<Sent> {
  const sink = await startSink(t, mood)
  const server = await startServer(t, { accounts: ['ana'], mainCf: `relayhost = [127.0.0.1]:${sink.port}\n${mainCf}` })
  assert.equal(await submit(server, SENDER, ['bob@far.test'], 'Subject: x\n\nx\n'), 250)
  return { server, sink, result: await resultIn(server) }
}

async function resultIn(server: TestServer): Promise<string> {
  const found = (): string | undefined => /mtp\[\d+\]: .* (dsn=.* status=.*)$/m.exec(server.log())?.[1]
  await until('there is a result', () => found() !== undefined)
  return found() ?? ''
}

const answers =
  (verb: string, reply: string): NonNullable<SinkMood['answer']> =>
  (command) =>
    command.startsWith(verb) ? reply : undefined

test('smtp_address_verify_target: after which command an address is taken for good', async (t) => {
  const table: [string, SinkMood, string, string][] = [
    ['', { answer: answers('DATA', '550 5.1.1 not here') }, 'deliverable', 'RCPT RSET QUIT'],
    [
      'smtp_address_verify_target = data\n',
      { answer: answers('DATA', '550 5.1.1 not here') },
      'undeliverable',
      'RCPT DATA RSET QUIT',
    ],
    ['smtp_address_verify_target = data\n', {}, 'deliverable', 'RCPT DATA'],
  ]
  for (const [setting, mood, status, heard] of table) {
    const sink = await startSink(t, mood)
    const mainCf = `relayhost = [127.0.0.1]:${sink.port}\n${setting}`
    const server = await startServer(t, { accounts: ['ana'], mainCf })
    await submit(server, SENDER, ['bob@far.test'], 'Subject: x\n\n', { trace: 'verify' })
    assert.match(await resultIn(server), new RegExp(`status=${status} `))
    await until('the session is over', () => sink.ended[0] === true)
    assert.equal(sink.heard[0]?.map((line) => line.slice(0, 4)).join(' '), `EHLO MAIL ${heard}`)
  }
})

test('XFORWARD tells a filter where mail came from, if that is wished', async (t) => {
  const mood: SinkMood = { offers: ['XFORWARD NAME ADDR PROTO HELO IDENT SOURCE'] }
  for (const [setting, count] of [
    ['yes', 2],
    ['no', 0],
  ] as const) {
    const { sink, result } = await sendOne(t, `smtp_send_xforward_command = ${setting}\n`, mood)
    assert.match(result, /status=sent/)
    const said = sink.heard[0]?.filter((line) => line.startsWith('XFORWARD')) ?? []
    assert.equal(said.length, count)
    if (count === 0) continue
    assert.equal(said[0], 'XFORWARD NAME=client.test ADDR=192.0.2.1')
    assert.match(said[1] ?? '', /^XFORWARD PROTO=ESMTP HELO=client\.test IDENT=\w+ SOURCE=REMOTE$/)
  }
})

test('what a filter does not want to hear is noted, and silence bounded', async (t) => {
  const base = { offers: ['XFORWARD NAME'] }
  const setting = 'smtp_send_xforward_command = yes\nsmtp_xforward_timeout = 1s\n'
  const refused = await sendOne(t, setting, { ...base, answer: answers('XFORWARD', '550 5.7.0 no') })
  assert.match(refused.result, /status=sent/)
  await refused.server.logged(
    /warning: host 127\.0\.0\.1\[127\.0\.0\.1\]:\d+ said: 550 5\.7\.0 no \(in reply to XFORWARD name\/address command\)/,
  )
  const silent = await sendOne(t, setting, { ...base, answer: answers('XFORWARD', '…') })
  assert.equal(
    silent.result,
    'dsn=4.4.2, status=deferred (conversation with 127.0.0.1[127.0.0.1] timed out while sending XFORWARD name/address)',
  )
})

test('what XFORWARD said on the way in is said on the way out', async (t) => {
  const sink = await startSink(t, { offers: ['XFORWARD NAME ADDR PORT PROTO HELO IDENT SOURCE'] })
  const server = await startServer(t, {
    mainCf:
      `relayhost = [127.0.0.1]:${sink.port}\nmynetworks = 127.0.0.1/32\nsmtp_send_xforward_command = yes\n` +
      'smtpd_authorized_xforward_hosts = 127.0.0.1\n',
  })
  await transcript(
    server.port('smtp'),
    `
    S: 220 …
    C: HELO filter.test
    S: 250 mail.example.test
    C: XFORWARD NAME=far.client ADDR=198.51.100.9 PORT=99
    S: 250 2.0.0 Ok
    C: XFORWARD PROTO=SMTP HELO=hello.client IDENT=ABC SOURCE=LOCAL
    S: 250 2.0.0 Ok
    C: MAIL FROM:<s@client.test>
    S: 250 2.1.0 Ok
    C: RCPT TO:<bob@far.test>
    S: 250 2.1.5 Ok
    C: DATA
    S: 354 …
    C: .
    S: 250 2.0.0 Ok: queued as …
  `,
  )
  await until('it is said', () => (sink.heard[0]?.filter((line) => line.startsWith('XFORWARD')).length ?? 0) === 2)
  assert.deepEqual(sink.heard[0]?.slice(1, 3), [
    'XFORWARD NAME=far.client ADDR=198.51.100.9 PORT=99',
    'XFORWARD PROTO=SMTP HELO=hello.client IDENT=ABC SOURCE=LOCAL',
  ])
})

test('logged in: AUTH=<> and the second name, where they are wished', async (t) => {
  const login =
    'smtp_sasl_auth_enable = yes\nsmtp_sasl_security_options =\nsmtp_sasl_password_maps = inline:{ 127.0.0.1=bob:secret }\n'
  const mood: SinkMood = { offers: ['AUTH PLAIN'], answer: answers('AUTH', '235 2.7.0 ok') }
  const table: [string, string, string][] = [
    ['', '\0bob\0secret', '<ana@mail.example.test>'],
    ['smtp_send_dummy_mail_auth = yes\n', '\0bob\0secret', '<ana@mail.example.test> AUTH=<>'],
    ['send_cyrus_sasl_authzid = yes\n', 'bob\0bob\0secret', '<ana@mail.example.test>'],
  ]
  for (const [setting, plain, from] of table) {
    const { sink } = await sendOne(t, login + setting, mood)
    assert.deepEqual(sink.heard[0]?.slice(1, 3), [
      `AUTH PLAIN ${Buffer.from(plain).toString('base64')}`,
      `MAIL FROM:${from}`,
    ])
  }
  const other = await sendOne(t, `${login}smtp_sasl_type = dovecot\n`, mood)
  assert.equal(other.result, 'dsn=4.3.0, status=deferred (unknown mail transport error)')
  await other.server.logged(/warning: smtp_sasl_type: unsupported SASL client implementation: dovecot/)
  const stranger = await sendOne(t, 'smtp_sasl_type = dovecot\nsmtp_send_dummy_mail_auth = yes\n')
  assert.match(stranger.result, /status=sent/)
})

test('cyrus_sasl_config_path: where smtpd.conf is looked for', async (t) => {
  const files = { 'smtpd.conf': 'mech_list: CRAM-MD5\n' }
  for (const [setting, offered] of [
    ['', 'PLAIN'],
    ['cyrus_sasl_config_path = /nonexistent:$config_directory\n', 'CRAM-MD5'],
  ] as const) {
    const server = await startServer(t, { accounts: ['ana'], files, mainCf: setting })
    const { mechList } = server.server.rooms.current.sasl
    assert.equal(mechList?.join() ?? 'PLAIN', offered)
  }
})

test('an address to leave from that is none of ours is passed over, unless it is enforced', async (t) => {
  const passed = await sendOne(t, 'smtp_bind_address = [192.0.2.77]\n')
  assert.match(passed.result, /status=sent/)
  await passed.server.logged(/warning: smtp_connect_addr: bind 192\.0\.2\.77: Cannot assign requested address/)
  const enforced = await sendOne(t, 'smtp_bind_address = 192.0.2.77\nsmtp_bind_address_enforce = yes\n')
  assert.equal(enforced.result, 'dsn=4.4.0, status=deferred (server configuration error)')
})

test('lmtp_assume_final: what an LMTP server takes is reported as delivered, or as relayed', async (t) => {
  const table: [string, SinkMood, RegExp | undefined][] = [
    ['', {}, /^Action: relayed\r$/m],
    ['lmtp_assume_final = yes\n', {}, /^Action: delivered\r$/m],
    ['lmtp_assume_final = yes\n', { offers: ['DSN'] }, undefined],
  ]
  for (const [setting, mood, action] of table) {
    const sink = await startSink(t, mood)
    const server = await startServer(t, {
      accounts: ['ana'],
      mainCf: `default_transport = lmtp:inet:[127.0.0.1]:${sink.port}\n${setting}`,
    })
    await submit(server, SENDER, ['bob@far.test'], 'Subject: x\n\nx\n', { notify: ['SUCCESS'] })
    if (action === undefined) {
      await server.logged(/: removed$/m)
      assert.deepEqual(await messagesIn(server, 'ana'), [])
      continue
    }
    await until('a report comes', async () => (await messagesIn(server, 'ana')).length === 1)
    assert.match((await messagesIn(server, 'ana'))[0] ?? '', action)
  }
})

test('smtp_per_request_deadline: a greeting in drops is late where the limit is for all of it', async (t) => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    t.after(() => socket.destroy())
    const drops = '220 drip.test\r\n'.split('')
    const next = (): void => {
      const drop = drops.shift()
      if (drop === undefined) return void socket.end()
      socket.write(drop)
      setTimeout(next, 120)
    }
    next()
  })
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  t.after(() => server.close())
  const at = server.address()
  const port = typeof at === 'object' && at !== null ? at.port : 0
  for (const [setting, result] of [
    ['no', 'lost connection with 127.0.0.1[127.0.0.1] while performing the EHLO handshake'],
    ['yes', 'conversation with 127.0.0.1[127.0.0.1] timed out while receiving the initial server greeting'],
  ] as const) {
    const more = `relayhost = [127.0.0.1]:${port}\nsmtp_helo_timeout = 1s\nsmtp_per_request_deadline = ${setting}\n`
    assert.equal((await sendOne(t, more)).result, `dsn=4.4.2, status=deferred (${result})`)
  }
})

test('keywords that are discarded are told, unless silently; a table that cannot be asked defers', async (t) => {
  const mood: SinkMood = { offers: ['PIPELINING', 'DSN'] }
  const told = await sendOne(t, 'smtp_discard_ehlo_keywords = dsn, pipelining\n', mood)
  await told.server.logged(/smtp\[\d+\]: discarding EHLO keywords: PIPELINING DSN$/m)
  const silent = await sendOne(t, 'smtp_discard_ehlo_keywords = dsn, silent-discard\n', mood)
  assert.doesNotMatch(silent.server.log(), /discarding/)
  const login = 'smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = fail:down\n'
  for (const setting of ['smtp_discard_ehlo_keyword_address_maps = fail:down\n', login])
    assert.equal(
      (await sendOne(t, setting, { offers: ['AUTH PLAIN'] })).result,
      'dsn=4.3.0, status=deferred (local data error while talking to 127.0.0.1[127.0.0.1])',
    )
})
