/** Content filters behind the queue: FILTER_README's advanced filter, with a filter of the test's own. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { type Arrived, type Sink, startSink } from '../interop/postfix/sink.ts'
import { play } from '../interop/postfix/player.ts'
import { messagesIn, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'

/** FILTER_README, "Advanced content filter example"; 2025 stands for 10025, for ports are free ones. */
const MASTER = (more = ''): string => `smtp inet n - n - - smtpd ${more}
scan unix - - n - 10 smtp
    -o disable_mime_output_conversion=yes
other unix - - n - 10 smtp
2025 inet n - n - 10 smtpd
    -o content_filter=
    -o receive_override_options=no_unknown_recipient_checks,no_header_body_checks,no_milters
    -o smtpd_recipient_restrictions=permit_mynetworks,reject
    -o mynetworks=127.0.0.0/8
pickup unix n - n 60 1 pickup
`

interface Filtered {
  readonly filter: Sink
  readonly server: TestServer
}

async function withFilter(
  t: TestContext,
  mainCf: string | ((port: number) => string),
  master = MASTER(),
): Promise<Filtered> {
  const filter = await startSink('127.0.0.1')
  t.after(() => filter.stop())
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    mainCf: typeof mainCf === 'string' ? mainCf : mainCf(filter.port),
    files: { 'master.cf': master },
  })
  return { filter, server }
}

async function send(
  server: TestServer,
  recipients: readonly string[],
  { port = 'smtp', sender = 's@else.test', text = 'Subject: hi\r\n\r\nhello' } = {},
): Promise<string> {
  const steps = ['EHLO client.test', `MAIL FROM:<${sender}>`, ...recipients.map((one) => `RCPT TO:<${one}>`), 'DATA']
  const replies = await play('127.0.0.1', server.port(port), {
    steps: [...steps, { content: text }, 'QUIT'],
    client: '',
  })
  return replies.at(-2) ?? ''
}

/** What a filter does: takes what came, marks it, and gives it back. */
async function giveBack(server: TestServer, { sender, recipients, message }: Arrived): Promise<void> {
  const reply = await send(server, recipients, { port: '2025', sender, text: `X-Filtered: yes\r\n${message}` })
  assert.match(reply, /^250/)
}

async function arrived(filter: Sink, count = 1): Promise<Arrived> {
  await until('it came to the filter', () => filter.arrived.length >= count)
  return filter.arrived[count - 1]!
}

test('a message goes to content_filter before anything else is done with it, and comes back by another door', async (t) => {
  const { filter, server } = await withFilter(
    t,
    (port) => `content_filter = scan:[127.0.0.1]:${port}
transport_maps = inline:{ mail.example.test=other:[127.0.0.1]:1 }
virtual_alias_domains = virtual.test
virtual_alias_maps = inline:{ info@virtual.test=team@mail.example.test }
alias_maps = inline:{ { team = ana, "|cat" } }
header_checks = regexp:{ { /^Subject: hi/ REPLACE Subject: checked } { /^X-Filtered/ REJECT twice } }
`,
  )
  assert.match(await send(server, ['info@virtual.test', 'eva@mail.example.test']), /^250/)
  const came = await arrived(filter)
  assert.deepEqual(came.recipients.toSorted(), ['eva@mail.example.test', 'team@mail.example.test'])
  assert.equal(came.sender, 's@else.test')
  assert.match(came.message, /\r\nSubject: checked\r\n/)
  assert.doesNotMatch(came.message, /^Delivered-To/im)
  await server.logged(
    /to=<team@mail\.example\.test>, orig_to=<info@virtual\.test>, relay=127\.0\.0\.1\[127\.0\.0\.1\]:\d+, .*status=sent/,
  )
})

test('what comes back is delivered, with aliases and without checks', async (t) => {
  const { filter, server } = await withFilter(
    t,
    (port) => `content_filter = scan:[127.0.0.1]:${port}
alias_maps = inline:{ { team = ana } }
header_checks = regexp:{ { /^X-Filtered/ REJECT twice } }
`,
  )
  await send(server, ['team@mail.example.test', 'eva@mail.example.test'])
  await giveBack(server, await arrived(filter))
  for (const user of ['ana', 'eva']) {
    await until(`mail of ${user}`, async () => (await messagesIn(server, user)).length > 0)
    assert.match((await messagesIn(server, user)).join(''), /\r\nX-Filtered: yes\r\n/)
  }
  assert.equal(filter.arrived.length, 1)
})

test('a filter that is away makes mail wait for it, through a restart and a flush', async (t) => {
  const closed = await startSink('127.0.0.1')
  closed.stop()
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `content_filter = scan:[127.0.0.1]:${closed.port}\nqueue_run_delay = 1s\nminimal_backoff_time = 1s\nmaximal_backoff_time = 1s\n`,
    files: { 'master.cf': MASTER() },
  })
  await send(server, ['ana@mail.example.test'])
  await server.logged(
    /relay=none, .*status=deferred \(connect to 127\.0\.0\.1\[127\.0\.0\.1\]:\d+: Connection refused\)/,
  )
  await server.restart()
  const { messages } = server.server.rooms.desk.page()
  assert.equal(messages.length, 1)
  const filter = await startSink('127.0.0.1', closed.port)
  t.after(() => filter.stop())
  await server.server.rooms.desk.flush('all')
  server.server.rooms.queued.notify()
  const came = await arrived(filter)
  assert.deepEqual(came.recipients, ['ana@mail.example.test'])
  await giveBack(server, came)
  await until('it arrived', async () => (await messagesIn(server, 'ana')).length > 0)
})

test('FILTER of a table comes before content_filter; default_filter_nexthop completes both', async (t) => {
  const { filter, server } = await withFilter(
    t,
    (port) => `content_filter = other:[127.0.0.1]:1
default_filter_nexthop = [127.0.0.1]:${port}
header_checks = regexp:{ { /^Subject: hi/ FILTER scan: } }
`,
  )
  await send(server, ['ana@mail.example.test'])
  assert.deepEqual((await arrived(filter)).recipients, ['ana@mail.example.test'])
})

test('without default_filter_nexthop the next hop is the domain of the recipient', async (t) => {
  const { server } = await withFilter(t, 'content_filter = scan:\ndefer_transports = scan\nmynetworks = 127.0.0.0/8\n')
  await send(server, ['ana@mail.example.test', 'x@far.test'])
  const { messages } = server.server.rooms.desk.page()
  const jobs = server.server.rooms.desk.message(messages[0]?.queueId ?? '')?.jobs ?? []
  const routes = jobs.flatMap(({ recipients }) => recipients.map((one) => `${one.transport}:${one.nexthop}`))
  assert.deepEqual(routes.toSorted(), ['scan:far.test', 'scan:mail.example.test'])
})

test('no_address_mappings in front of the filter leaves aliases to what is behind it', async (t) => {
  const { filter, server } = await withFilter(
    t,
    (port) => `content_filter = scan:[127.0.0.1]:${port}
virtual_alias_domains = virtual.test
virtual_alias_maps = inline:{ info@virtual.test=ana@mail.example.test }
`,
    MASTER('-o receive_override_options=no_address_mappings'),
  )
  await send(server, ['info@virtual.test'])
  const came = await arrived(filter)
  assert.deepEqual(came.recipients, ['info@virtual.test'])
  await giveBack(server, came)
  await until('it arrived', async () => (await messagesIn(server, 'ana')).length > 0)
})

test('REDIRECT overrides a filter, and sendmail -bv asks nobody', async (t) => {
  const { filter, server } = await withFilter(
    t,
    (port) => `content_filter = scan:[127.0.0.1]:${port}
header_checks = regexp:{ { /^Subject: hi/ REDIRECT eva@mail.example.test } }
`,
  )
  await send(server, ['ana@mail.example.test'])
  await until('it arrived', async () => (await messagesIn(server, 'eva')).length > 0)
  assert.equal(filter.arrived.length, 0)
})
