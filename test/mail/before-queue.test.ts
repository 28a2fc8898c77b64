/** Before-queue filters (smtpd_proxy_filter): SMTPD_PROXY_README, with a filter of the test's own. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { play } from '../interop/postfix/player.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type FilterMood, type FilterSays, startSmtpFilter, type TestFilter } from '../support/smtp-filter.ts'

/** SMTPD_PROXY_README, "Configuring the Postfix SMTP pass-through proxy feature"; 2026 stands for 10026. */
const MASTER = `smtp inet n - n - - smtpd
2026 inet n - n - - smtpd
    -o smtpd_authorized_xforward_hosts=127.0.0.0/8
    -o smtpd_client_restrictions=
    -o smtpd_proxy_filter=
    -o smtpd_recipient_restrictions=permit_mynetworks,reject
    -o mynetworks=127.0.0.0/8
`
const USUAL = ['EHLO client.test', 'MAIL FROM:<s@else.test>', 'RCPT TO:<ana@mail.example.test>', 'DATA']
const CONTENT = { content: 'Subject: hi\r\n\r\nhello' }

interface Filtered {
  readonly filter: TestFilter
  readonly server: TestServer
}

async function withFilter(t: TestContext, mood: FilterMood = {}, mainCf = ''): Promise<Filtered> {
  const filter = await startSmtpFilter(mood)
  t.after(() => filter.stop())
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `smtpd_proxy_filter = 127.0.0.1:${filter.port}\n${mainCf}`,
    files: { 'master.cf': MASTER },
  })
  return { filter, server }
}

function say(server: TestServer, steps: Parameters<typeof play>[2]['steps'], port = 'smtp'): Promise<string[]> {
  return play('127.0.0.1', server.port(port), { steps, client: '' })
}

/** The reply to the message. */
async function send(server: TestServer): Promise<string | undefined> {
  return (await say(server, [...USUAL, CONTENT])).at(-1)
}

const saying =
  (point: string, says: FilterSays): NonNullable<FilterMood['answer']> =>
  (at) =>
    at === point ? says : undefined

test('a filter gets mail in place of the queue, and hands it back behind it', async (t) => {
  const { filter, server } = await withFilter(t)
  assert.equal(await send(server), '250 2.6.0 filtered')
  await server.logged(/postfix\/smtpd\[\d+\]: NOQUEUE: client=localhost\[127\.0\.0\.1\]\n/)
  await server.logged(
    /proxy-accept: END-OF-MESSAGE: 250 2\.6\.0 filtered; from=<s@else\.test> to=<ana@mail\.example\.test> proto=ESMTP helo=<client\.test>\n/,
  )
  assert.deepEqual(await messagesIn(server, 'ana'), [])
  const [{ commands, content = '' } = { commands: [] }] = filter.sessions
  const [ehlo = '', xforward = '', ...rest] = commands
  assert.equal(ehlo, 'EHLO mail.example.test')
  assert.deepEqual(rest, [...USUAL.slice(1), 'QUIT'])
  const replies = await say(server, [ehlo, xforward, ...rest.slice(0, -1), { content }], '2026')
  assert.match(replies.at(-1) ?? '', /^250 2\.0\.0 Ok: queued as/)
  await server.logged(/: client=localhost\[127\.0\.0\.1\], orig_client=localhost\[127\.0\.0\.1\]\n/)
  await until('the mail', async () => (await messagesIn(server, 'ana')).length === 1)
  // Behind the filter nothing is added: that was done in front of it.
  const [message = ''] = await messagesIn(server, 'ana')
  assert.equal(message.match(/^Received: /gm)?.length, 2)
  assert.match(message, /\r\nReceived: from client\.test \(localhost \[127\.0\.0\.1\]\)\r\n\tby .* with ESMTP\r\n\tfor/)
})

test('what a filter refuses is refused', async (t) => {
  const { server } = await withFilter(t, { answer: saying('.', '550-5.7.1 no\n550 5.7.1 never') })
  assert.equal(await send(server), '550-5.7.1 no\n550 5.7.1 never')
  await server.logged(/proxy-reject: END-OF-MESSAGE: 550-5\.7\.1 no\?\?550 5\.7\.1 never; from=<s@else\.test>/)
})

test('a filter that is away', async (t) => {
  const { filter, server } = await withFilter(t)
  filter.stop()
  const replies = await say(server, USUAL)
  assert.deepEqual(replies.slice(3), [
    '451 4.3.0 Error: queue file write error',
    '554 5.5.1 Error: no valid recipients',
  ])
  await server.logged(/warning: connect to proxy filter 127\.0\.0\.1:\d+: Connection refused\n/)
})

test('smtpd_proxy_timeout is how long a filter may be silent', async (t) => {
  const { server } = await withFilter(t, { answer: saying('.', 'silent') }, 'smtpd_proxy_timeout = 1s\n')
  assert.equal(await send(server), '451 4.3.0 Error: queue file write error')
  await server.logged(/warning: timeout talking to proxy 127\.0\.0\.1:\d+\n/)
})

test('smtpd_proxy_ehlo is the name it hears', async (t) => {
  const { filter, server } = await withFilter(t, {}, 'smtpd_proxy_ehlo = in.example.test\n')
  await send(server)
  assert.equal(filter.sessions[0]?.commands[0], 'EHLO in.example.test')
})

test('smtpd_proxy_options = speed_adjust: a filter does not wait for slow clients', async (t) => {
  const { filter, server } = await withFilter(t, {}, 'smtpd_proxy_options = speed_adjust\n')
  assert.match((await say(server, USUAL)).at(-1) ?? '', /^354/)
  assert.equal(filter.sessions.length, 0)
  const content = `Subject: big\r\n\r\n${'a line of text that is repeated\r\n'.repeat(60_000)}`
  const replies = await say(server, [...USUAL, { content }])
  assert.equal(replies.at(-1), '250 2.6.0 filtered')
  assert.ok(filter.sessions[0]?.content?.includes(content))
})

test('replies that are none, and those without an end', async (t) => {
  for (const [says, reply, logged] of [
    ['what\n250 2.0.0 Ok', '451 4.3.0 Error: queue file write error', /received garbage from proxy \S+: what\n/],
    [`${`550-${'x'.repeat(60)}\n`.repeat(100)}550 end`, /^(?:550-x+\n)+550 x+$/, /proxy-reject/],
    ['550-x\n'.repeat(20_000), '451 4.3.0 Error: queue file write error', /lost connection with proxy/],
  ] as const) {
    const { server } = await withFilter(t, { answer: saying('.', says) })
    const said = (await send(server)) ?? ''
    if (typeof reply === 'string') assert.equal(said, reply)
    else assert.match(said, reply)
    await server.logged(logged)
  }
})

test('what the queue would have to do is not done', async (t) => {
  const { server } = await withFilter(t, {}, 'smtpd_sender_restrictions = check_sender_access static:HOLD\n')
  assert.equal(await send(server), '250 2.6.0 filtered')
  await server.logged(/access table static:HOLD: with smtpd_proxy_filter specified, action HOLD is unavailable\n/)
})
