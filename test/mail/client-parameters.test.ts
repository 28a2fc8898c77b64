/** Parameters of the SMTP and LMTP clients, each set both ways: what a server hears, and what becomes of the mail. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type SinkMood, startSink } from '../support/sink.ts'

interface Row {
  readonly setting: string
  readonly mood?: SinkMood
  /** The mail's `dsn=…, status=…`. */
  readonly result: RegExp
  /** Of what the first session said. */
  readonly said?: RegExp
}

const RESULT = /mtp\[\d+\]: .* (dsn=.* status=.*)$/m

async function resultIn(server: TestServer): Promise<string> {
  await until('there is a result', () => RESULT.test(server.log()))
  return RESULT.exec(server.log())?.[1] ?? ''
}

const sendTo = async (server: TestServer, to = ['bob@far.test']): Promise<void> =>
  assert.equal(await submit(server, 'ana@mail.example.test', to, 'Subject: x\n\nx\n'), 250)

const SENT = /status=sent/
const NOT_ESMTP: SinkMood = { answer: (said) => (said === 'CONNECT' ? '220 sink.test at your service' : undefined) }
const LOGIN = 'smtp_sasl_auth_enable = yes\nsmtp_sasl_security_options =\nsmtp_sasl_password_maps = static:u:p\n'
const NO_LOGIN: SinkMood = {
  offers: ['AUTH PLAIN'],
  answer: (said) => (said.startsWith('AUTH') ? '535 5.7.8 no' : undefined),
}

const rows: readonly Row[] = [
  { setting: '', mood: NOT_ESMTP, result: SENT, said: /^EHLO / },
  { setting: 'smtp_always_send_ehlo = no\n', mood: NOT_ESMTP, result: SENT, said: /^HELO / },
  { setting: 'smtp_always_send_ehlo = no\n', result: SENT, said: /^EHLO / },
  { setting: LOGIN, mood: NO_LOGIN, result: /dsn=4\.7\.8, status=deferred/ },
  { setting: `${LOGIN}smtp_sasl_auth_soft_bounce = no\n`, mood: NO_LOGIN, result: /dsn=5\.7\.8, status=bounced/ },
]

test('one server, and what is said to it', async (t) => {
  for (const { setting, mood, result, said } of rows)
    await t.test(setting, async (sub) => {
      const sink = await startSink(sub, mood)
      const server = await startServer(sub, { mainCf: `relayhost = [127.0.0.1]:${sink.port}\n${setting}` })
      await sendTo(server)
      assert.match(await resultIn(server), result)
      if (said !== undefined) assert.match(sink.heard[0]?.[0] ?? '', said)
    })
})

test('smtp_bind_address6: mail leaves from it, or from anywhere', async (t) => {
  const sink = await startSink(t, { listens: { host: '::1', port: 0 } })
  for (const [setting, result] of [
    ['', SENT],
    ['smtp_bind_address6 = ::1\n', SENT],
    ['smtp_bind_address6 = 2001:db8::1\nsmtp_bind_address_enforce = yes\n', /dsn=4\.[0-9.]+, status=deferred/],
  ] as const) {
    const mainCf = `inet_protocols = all\nrelayhost = [::1]:${sink.port}\n${setting}`
    const server = await startServer(t, { mainCf })
    await sendTo(server)
    assert.match(await resultIn(server), result, setting)
  }
})

test('lmtp_tcp_port: where a host without a port listens', async (t) => {
  const sink = await startSink(t)
  const mainCf = `default_transport = lmtp:[127.0.0.1]\nlmtp_tcp_port = ${sink.port}\n`
  const server = await startServer(t, { mainCf })
  await sendTo(server)
  assert.match(await resultIn(server), SENT)
  assert.match(sink.heard[0]?.[0] ?? '', /^LHLO /)
})

test('default_destination_recipient_limit: recipients of one transaction', async (t: TestContext) => {
  for (const [limit, transactions] of [
    [2, [1, 2, 2]],
    [50, [5]],
  ] as const) {
    const sink = await startSink(t)
    const mainCf = `relayhost = [127.0.0.1]:${sink.port}\ndefault_destination_recipient_limit = ${limit}\n`
    const server = await startServer(t, { mainCf })
    await sendTo(
      server,
      ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}@far.test`),
    )
    await until('all are sent', () => (server.log().match(/status=sent/g) ?? []).length === 5)
    const counts = sink.heard
      .join('\n')
      .split('MAIL FROM')
      .slice(1)
      .map((transaction) => transaction.split('RCPT TO').length - 1)
    assert.deepEqual(
      counts.toSorted((a, b) => a - b),
      transactions,
    )
  }
})
