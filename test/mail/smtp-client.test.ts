/** The SMTP and LMTP client against servers in all moods: each recipient's fate and smtp(8)'s words for it. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startServer, type TestServer, type TestServerOptions } from '../support/server.ts'
import { type SinkMood, type Sink, startSink } from '../support/sink.ts'
import { transcript } from '../support/transcript.ts'

const LIMIT_MS = 8000

/** The log, once as many results stand in it. */
async function results(server: TestServer, count: number): Promise<string[]> {
  const end = Date.now() + LIMIT_MS
  for (;;) {
    const lines = server
      .log()
      .split('\n')
      .filter((line) => /mtp\[\d+\]: .* status=/.test(line))
    if (lines.length >= count)
      return lines.map((line) => line.replace(/^.*?: to=/, 'to=').replace(/delay=[^ ]*, delays=[\d./]+, /, ''))
    if (Date.now() > end) assert.fail(`not within ${LIMIT_MS} ms: ${count} results; log:\n${server.log()}`)
    await new Promise((wake) => setTimeout(wake, 20))
  }
}

async function send(server: TestServer, recipients: readonly string[]): Promise<void> {
  const rcpts = recipients.map((one) => `    C: RCPT TO:<${one}>\n    S: 250 2.1.5 Ok\n`).join('')
  await transcript(
    server.port('submission'),
    `
    S: 220 …
    C: HELO client.test
    S: 250 mail.example.test
    C: AUTH PLAIN ${Buffer.from('\0ana\0secret').toString('base64')}
    S: 235 2.7.0 Authentication successful
    C: MAIL FROM:<>
    S: 250 2.1.0 Ok
${rcpts}    C: DATA
    S: 354 …
    C: Subject: moods
    C:
    C: .. and a dot
    C: .
    S: 250 2.0.0 Ok: queued as …
    C: QUIT
    S: 221 2.0.0 Bye
  `,
  )
}

async function toSink(
  t: TestContext,
  mood: SinkMood,
  recipients: readonly string[],
  options: (port: number) => TestServerOptions = (port) => ({ mainCf: `relayhost = [127.0.0.1]:${port}\n` }),
): Promise<{ lines: string[]; sink: Sink; server: TestServer }> {
  const sink = await startSink(t, mood)
  const server = await startServer(t, { accounts: ['ana'], ...options(sink.port) })
  await send(server, recipients)
  return { lines: await results(server, recipients.length), sink, server }
}

/** One reply of a sink that is otherwise well. */
const at =
  (verb: string, reply: string): NonNullable<SinkMood['answer']> =>
  (command) =>
    command.startsWith(verb) ? reply : undefined

test('one server in a bad mood', async (t) => {
  const peer = '127.0.0.1[127.0.0.1]'
  const table: [string, SinkMood, string][] = [
    ['well', {}, 'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as SINK)'],
    [
      'no greeting',
      { answer: at('CONNECT', '') },
      `dsn=4.4.2, status=deferred (lost connection with ${peer} while receiving the initial server greeting)`,
    ],
    [
      '421 greeting',
      { answer: at('CONNECT', '421 4.3.2 busy') },
      `dsn=4.3.2, status=deferred (host ${peer} refused to talk to me: 421 4.3.2 busy)`,
    ],
    [
      '554 greeting',
      { answer: at('CONNECT', '554 no') },
      `dsn=4.0.0, status=deferred (host ${peer} refused to talk to me: 554 no)`,
    ],
    [
      'lost in EHLO',
      { answer: at('EHLO', '') },
      `dsn=4.4.2, status=deferred (lost connection with ${peer} while performing the EHLO handshake)`,
    ],
    ['HELO only', { answer: at('EHLO', '500 what?') }, 'dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as SINK)'],
    [
      'no hello',
      { answer: (c) => (/^(EHLO|HELO)/.test(c) ? '550 5.7.1 go away' : undefined) },
      `dsn=5.7.1, status=bounced (host ${peer} refused to talk to me: 550 5.7.1 go away)`,
    ],
    [
      'MAIL 4xx',
      { answer: at('MAIL', '451 4.7.1 later') },
      `dsn=4.7.1, status=deferred (host ${peer} said: 451 4.7.1 later (in reply to MAIL FROM command))`,
    ],
    [
      'MAIL 5xx, pipelined',
      {
        offers: ['PIPELINING'],
        answer: (c) => (c === 'DATA' ? '503 no' : c.startsWith('MAIL') ? '550 5.7.1 no' : undefined),
      },
      `dsn=5.7.1, status=bounced (host ${peer} said: 550 5.7.1 no (in reply to MAIL FROM command))`,
    ],
    [
      'lost in MAIL',
      { answer: at('MAIL', '') },
      `dsn=4.4.2, status=deferred (lost connection with ${peer} while sending MAIL FROM)`,
    ],
    [
      'RCPT 5xx',
      { answer: at('RCPT', '550-5.1.1 no\n550 5.1.1 such user') },
      `dsn=5.1.1, status=bounced (host ${peer} said: 550-5.1.1 no 550 5.1.1 such user (in reply to RCPT TO command))`,
    ],
    [
      'lost in RCPT',
      { answer: at('RCPT', '') },
      `dsn=4.4.2, status=deferred (lost connection with ${peer} while sending RCPT TO)`,
    ],
    [
      'DATA 5xx',
      { answer: at('DATA', '554 5.5.1 no') },
      `dsn=5.5.1, status=bounced (host ${peer} said: 554 5.5.1 no (in reply to DATA command))`,
    ],
    [
      'lost after the message',
      { answer: at('.', '') },
      `dsn=4.4.2, status=deferred (lost connection with ${peer} while sending end of data -- message may be sent more than once)`,
    ],
    [
      'message 5xx',
      { answer: at('.', '550 5.6.0 spam') },
      `dsn=5.6.0, status=bounced (host ${peer} said: 550 5.6.0 spam (in reply to end of DATA command))`,
    ],
    [
      'words that are no reply',
      { answer: at('RCPT', 'HTTP/1.1 400 Bad Request\n550 no') },
      `dsn=5.0.0, status=bounced (host ${peer} said: HTTP/1.1 400 Bad Request 550 no (in reply to RCPT TO command))`,
    ],
    [
      'words without end',
      { answer: at('RCPT', 'x'.repeat(70_000)) },
      `dsn=4.5.0, status=deferred (protocol error from ${peer} while sending RCPT TO: The reply is too long)`,
    ],
    ['too small', { offers: ['SIZE 10'] }, 'dsn=5.3.4, status=bounced (message size'],
  ]
  for (const [name, mood, expected] of table) {
    await t.test(name, async (sub) => {
      const { lines, sink } = await toSink(sub, mood, ['bob@far.test'])
      assert.equal(lines[0]?.slice(0, expected.length + 100).includes(expected), true, `${lines[0]} is not ${expected}`)
      assert.ok(lines[0]?.startsWith(`to=<bob@far.test>, relay=${peer}:${sink.port}, `), lines[0])
    })
  }
})

test('recipients have their own fates, pipelined or not', async (t) => {
  for (const offers of [[], ['PIPELINING']]) {
    const mood: SinkMood = { offers, answer: (c) => (c.startsWith('RCPT TO:<no') ? '550 5.1.1 unknown' : undefined) }
    const { lines, sink } = await toSink(t, mood, ['yes@far.test', 'no@far.test', '"two words"@far.test'])
    const fates = lines.map((line) => line.replace(/, relay.*status=/, ' ').replace(/ \(.*/, '')).toSorted()
    assert.deepEqual(fates, ['to=<"two words"@far.test> sent', 'to=<no@far.test> bounced', 'to=<yes@far.test> sent'])
    assert.ok(sink.heard[0]?.includes('RCPT TO:<"two words"@far.test>'))
  }
})

test('nobody accepted in a pipeline: nothing of the message is sent', async (t) => {
  const { sink } = await toSink(t, { offers: ['PIPELINING'], answer: at('RCPT', '550 5.1.1 no') }, ['bob@far.test'])
  const end = Date.now() + LIMIT_MS
  while (Date.now() < end && sink.heard[0]?.includes('(0 octets)') !== true)
    await new Promise((wake) => setTimeout(wake, 20))
  assert.ok(sink.heard[0]?.includes('(0 octets)'), sink.heard[0]?.join() ?? 'nothing')
})

test('a deferral by one server is for the fall-back relay to mend', async (t) => {
  const second = await startSink(t)
  const { lines } = await toSink(t, { answer: at('RCPT', '450 4.2.0 greylisted') }, ['bob@far.test'], (port) => ({
    mainCf: `relayhost = [127.0.0.1]:${port}\nsmtp_fallback_relay = [127.0.0.1]:${second.port}\n`,
  }))
  assert.match(lines[0] ?? '', new RegExp(`:${second.port}, dsn=2.0.0, status=sent`))
})

test('nobody listens', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'relayhost = [127.0.0.1]:1\n' })
  await send(server, ['bob@far.test'])
  assert.deepEqual(await results(server, 1), [
    'to=<bob@far.test>, relay=none, dsn=4.4.1, status=deferred (connect to 127.0.0.1[127.0.0.1]:1: Connection refused)',
  ])
})

test('LMTP on a unix socket answers for each recipient', async (t) => {
  const replies = '250 2.1.5 <a> Saved\n452 4.2.2 <b> full'
  let path = ''
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'default_transport = lmtp:unix:lmtp.socket\n' })
  path = join(server.dir, 'lmtp.socket')
  const sink = await startSink(t, { path, offers: ['PIPELINING'], answer: at('.', replies) })
  await send(server, ['a@far.test', 'b@far.test'])
  assert.deepEqual((await results(server, 2)).toSorted(), [
    'to=<a@far.test>, relay=mail.example.test[lmtp.socket], dsn=2.1.5, status=sent (250 2.1.5 <a> Saved)',
    'to=<b@far.test>, relay=mail.example.test[lmtp.socket], dsn=4.2.2, status=deferred (host mail.example.test[lmtp.socket] said: 452 4.2.2 <b> full (in reply to end of DATA command))',
  ])
  assert.equal(sink.heard[0]?.[0], 'LHLO mail.example.test')
})

test('a relay with TLS and a password; none without them', async (t) => {
  const relay = await startServer(t, {
    accounts: ['ana', 'bob'],
    mainCf: 'smtpd_tls_auth_only = yes\nmydestination = $myhostname, far.test\n',
  })
  const port = relay.port('submission')
  const login = 'smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = inline:{ 127.0.0.1=bob:secret }\n'
  const table: [string, string, RegExp][] = [
    [
      'smtp_tls_security_level = encrypt\nsmtp_tls_loglevel = 1\nsmtp_sasl_security_options =\n',
      login,
      /status=sent \(250 2\.0\.0 Ok: queued as/,
    ],
    [
      'smtp_tls_security_level = encrypt\nsmtp_sasl_mechanism_filter = !plain, !login, static:all\n',
      login,
      /status=sent/,
    ],
    [
      'smtp_tls_security_level = encrypt\nsmtp_sasl_mechanism_filter = plain\n',
      login,
      /dsn=4\.7\.0, status=deferred \(SASL authentication failed; cannot authenticate to server 127\.0\.0\.1\[127\.0\.0\.1\]: no mechanism available\)/,
    ],
    [
      'smtp_tls_security_level = encrypt\nsmtp_sasl_security_options =\n',
      login.replace('bob:secret', 'bob:wrong'),
      /dsn=4\.7\.8, status=deferred \(SASL authentication failed; server 127\.0\.0\.1\[127\.0\.0\.1\] said: 535 5\.7\.8 /,
    ],
    [
      'smtp_tls_security_level = encrypt\nsmtp_sasl_security_options =\nsmtp_sasl_tls_security_options = noplaintext\nsmtp_sasl_mechanism_filter = plain\n',
      login,
      /no mechanism available/,
    ],
    [
      'smtp_tls_security_level = encrypt\nsmtp_sasl_tls_security_options = noanonymous\nsmtp_sasl_mechanism_filter = plain\n',
      login,
      /status=sent/,
    ],
    ['smtp_tls_security_level = verify\n', login, /dsn=4\.7\.5, status=deferred \(Server certificate not verified\)/],
    [
      'smtp_tls_security_level = fingerprint\nsmtp_tls_fingerprint_cert_match = AA:BB\n',
      login,
      /dsn=4\.7\.5, status=deferred \(Server certificate not verified\)/,
    ],
    [
      `smtp_tls_policy_maps = inline:{ { [127.0.0.1]:${port} = fingerprint match=AA } }\n`,
      login,
      /dsn=4\.7\.5, status=deferred \(Server certificate not verified\)/,
    ],
    ['smtp_tls_security_level = none\n', login, /dsn=5\.7\.1, status=bounced \(host .* said: 554 5\.7\.1 /],
    [
      'smtp_tls_security_level = dane-only\n',
      login,
      /dsn=4\.7\.5, status=deferred \(client TLS configuration problem\)/,
    ],
  ]
  for (const [tls, sasl, expected] of table) {
    await t.test(tls, async (sub) => {
      const server = await startServer(sub, {
        accounts: ['ana'],
        mainCf: `relayhost = [127.0.0.1]:${port}\n${tls}${sasl}`,
      })
      await send(server, ['bob@far.test'])
      assert.match((await results(server, 1))[0] ?? '', expected)
      if (tls.includes('loglevel'))
        assert.match(
          server.log(),
          /postfix\/smtp\[\d+\]: Untrusted TLS connection established to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384 \(256\/256 bits\)/,
        )
    })
  }
})

test('TLS that is required and not offered', async (t) => {
  const { lines } = await toSink(t, {}, ['bob@far.test'], (port) => ({
    mainCf: `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = encrypt\n`,
  }))
  assert.match(lines[0] ?? '', /dsn=4\.7\.4, status=deferred \(TLS is required, but was not offered by host 127/)
})

test('words in plain behind the go-ahead for TLS end the session', async (t) => {
  const mood: SinkMood = { offers: ['STARTTLS'], answer: at('STARTTLS', '220 go\n250 injected') }
  const { lines, sink } = await toSink(t, mood, ['bob@far.test'], (port) => ({
    mainCf: `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = encrypt\n`,
  }))
  assert.match(lines[0] ?? '', /dsn=4\.7\.5, status=deferred \(Cannot start TLS: handshake failure\)/)
  assert.ok(!sink.heard.flat().some((line) => line.startsWith('MAIL')))
})

test('what cannot be said in TLS is said without, once the mail has waited', async (t) => {
  const hangsUp = { raw: '220 go\r\n', ends: true }
  const mood: SinkMood = { offers: ['STARTTLS'], answer: (command) => (command === 'STARTTLS' ? hangsUp : undefined) }
  const { server, lines } = await toSink(t, mood, ['bob@far.test'], (port) => ({
    mainCf: `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = may\nminimal_backoff_time = 1s\nqueue_run_delay = 1s\n`,
  }))
  assert.match(lines[0] ?? '', /dsn=4\.7\.5, status=deferred \(Cannot start TLS: handshake failure\)/)
  assert.match((await results(server, 2))[1] ?? '', /dsn=2\.0\.0, status=sent/)
})

test('a unix socket has no fall-back relay, and no TLS that is only wished', async (t) => {
  const second = await startSink(t)
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `default_transport = lmtp:unix:nobody.socket\nlmtp_fallback_relay = [127.0.0.1]:${second.port}\nlmtp_tls_security_level = may\n`,
  })
  await send(server, ['bob@far.test'])
  assert.deepEqual(await results(server, 1), [
    'to=<bob@far.test>, relay=none, dsn=4.4.1, status=deferred (connect to mail.example.test[nobody.socket]: No such file or directory)',
  ])
  await server.logged(/warning: ignoring "lmtp_fallback_relay = \S+" setting for non-TCP connections/)
  assert.deepEqual(second.heard, [])
  const offers = ['STARTTLS']
  const sink = await startSink(t, { path: join(server.dir, 'some.socket'), offers })
  await writeFile(join(server.dir, 'main.cf'), 'default_transport = lmtp:unix:some.socket\n', { flag: 'a' })
  assert.equal(await server.server.reload(), undefined)
  await send(server, ['eva@far.test'])
  assert.match((await results(server, 2))[1] ?? '', /status=sent/)
  assert.ok(!sink.heard.flat().includes('STARTTLS'))
})
