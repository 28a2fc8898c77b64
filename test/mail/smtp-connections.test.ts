/** Connections of the SMTP and LMTP clients that serve more than one message, and how they end. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { submit, until } from '../support/mailbox.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { type Sink, type SinkMood, startSink } from '../support/sink.ts'

const ALWAYS = 'smtp_connection_cache_destinations = static:all\nlmtp_connection_cache_destinations = static:all\n'
const LONG = 'connection_cache_ttl_limit = 60s\nsmtp_connection_cache_time_limit = 60s\n'

interface World {
  readonly server: TestServer
  readonly sink: Sink
  /** Sends one message and waits until it is delivered. */
  readonly send: (to?: string) => Promise<void>
}

async function start(t: TestContext, mainCf: string, mood: SinkMood = {}): Promise<World> {
  const sink = await startSink(t, mood)
  const server = await startServer(t, { mainCf: `relayhost = [127.0.0.1]:${sink.port}\n${mainCf}` })
  let count = 0
  const delivered = (): number => server.log().match(/mtp\[\d+\]: .* status=sent/g)?.length ?? 0
  return {
    server,
    sink,
    send: async (to = 'bob@far.test') => {
      assert.equal(await submit(server, 'ana@mail.example.test', [to], 'Subject: x\n\nx\n'), 250)
      count++
      await until(`message ${count} is delivered`, () => delivered() >= count)
    },
  }
}

/** Messages of each session. */
const messages = ({ heard }: Sink): number[] =>
  heard.map((session) => session.filter((line) => line.startsWith('MAIL')).length)

/** Of all deliveries, in order; `-` for a connection of its own. */
const uses = ({ server }: World): string =>
  Array.from(server.log().matchAll(/mtp\[\d+\]: .*relay=\S+?,(?: conn_use=(\d+),)? delay/g), ([, n]) => n ?? '-').join(
    ' ',
  )

test('a connection is kept for the next message where the destination is listed', async (t) => {
  const table: [string, number[], string][] = [
    ['', [1, 1, 1], '- - -'],
    [`${ALWAYS}${LONG}`, [3], '- 2 3'],
    [`smtp_connection_cache_destinations = 127.0.0.1\n${LONG}`, [3], '- 2 3'],
    [`smtp_connection_cache_destinations = far.test\n${LONG}`, [1, 1, 1], '- - -'],
    [`${ALWAYS}${LONG}smtp_connection_reuse_count_limit = 1\n`, [2, 1], '- 2 -'],
  ]
  for (const [mainCf, sessions, used] of table) {
    await t.test(mainCf, async (sub) => {
      const world = await start(sub, mainCf)
      for (let i = 0; i < 3; i++) await world.send()
      assert.deepEqual(messages(world.sink), sessions)
      assert.equal(uses(world), used)
      if (used === '- 2 3')
        assert.deepEqual(
          world.sink.heard[0]?.map((line) => line.slice(0, 4)).join(' '),
          'EHLO MAIL RCPT DATA (192 RSET MAIL RCPT DATA (192 RSET MAIL RCPT DATA (192',
        )
    })
  }
})

test('the LMTP client has its own settings', async (t) => {
  const sink = await startSink(t, {})
  const transport = `default_transport = lmtp:inet:[127.0.0.1]:${sink.port}\nrelayhost =\n`
  const limits = 'connection_cache_ttl_limit = 60s\nlmtp_connection_cache_time_limit = 60s\n'
  const world = await start(t, `${transport}lmtp_connection_cache_destinations = 127.0.0.1\n${limits}`)
  await world.send()
  await world.send()
  assert.deepEqual(messages(sink), [2])
})

test('on demand: while mail for a destination follows mail', async (t) => {
  for (const [setting, sessions] of [
    ['yes', 2],
    ['no', 5],
  ] as const) {
    const world = await start(t, 'defer_transports = smtp\nsmtp_destination_concurrency_limit = 1\n')
    for (let i = 0; i < 5; i++)
      await submit(world.server, 'ana@mail.example.test', ['bob@far.test'], 'Subject: x\n\nx\n')
    await until('all are deferred', () => world.server.log().match(/status=deferred/g)?.length === 5)
    await reload(world, `defer_transports =\nsmtp_connection_cache_on_demand = ${setting}\n`)
    const { desk, queued } = world.server.server.rooms
    await desk.flush('all')
    queued.notify()
    await until('all are sent', () => world.server.log().match(/status=sent/g)?.length === 5)
    assert.equal(messages(world.sink).length, sessions, setting)
  }
})

async function reload({ server }: World, more: string): Promise<void> {
  appendFileSync(join(server.dir, 'main.cf'), more)
  assert.equal(await server.server.reload(), undefined)
}

test('the time that a connection waits is bounded twice', async (t) => {
  const table = [
    'connection_cache_ttl_limit = 1s\nsmtp_connection_cache_time_limit = 60s\n',
    'connection_cache_ttl_limit = 60s\nsmtp_connection_cache_time_limit = 1s\n',
  ]
  for (const limits of table) {
    const { sink, send } = await start(t, ALWAYS + limits)
    await send()
    await until('it is closed', () => sink.heard[0]?.at(-1) === 'QUIT')
    assert.deepEqual(messages(sink), [1])
  }
})

test('a connection that is too old is closed after the message', async (t) => {
  const { sink, send } = await start(t, `${ALWAYS}${LONG}smtp_connection_reuse_time_limit = 2s\n`)
  await send()
  await new Promise((wake) => setTimeout(wake, 2100))
  await send()
  await send()
  assert.deepEqual(messages(sink), [2, 1])
})

test('connections that wait are closed on reload and at the end', async (t) => {
  const world = await start(t, ALWAYS + LONG)
  const { sink, send, server } = world
  await send()
  assert.equal(sink.heard[0]?.includes('QUIT'), false)
  await reload(world, 'smtp_helo_name = other.test\n')
  await until('the first is closed', () => sink.heard[0]?.at(-1) === 'QUIT')
  await send()
  assert.equal(sink.heard[1]?.[0], 'EHLO other.test')
  await server.restart()
  await until('the second is closed', () => sink.heard[1]?.at(-1) === 'QUIT')
})

test('one that is still being opened at a reload serves its message alone', async (t) => {
  const { promise: greetsAfter, resolve: greet } = Promise.withResolvers<void>()
  const world = await start(t, ALWAYS + LONG, { greetsAfter })
  const { sink, send } = world
  const first = send()
  await until('it is connected', () => sink.heard.length === 1)
  await reload(world, 'smtp_helo_name = other.test\n')
  greet()
  await first
  await send()
  assert.deepEqual(
    sink.heard.map(([hello]) => hello),
    ['EHLO mail.example.test', 'EHLO other.test'],
  )
})

test('a connection that died is replaced, and the mail does not notice', async (t) => {
  const refusals = ['', '421 4.3.2 going away', '502 what?']
  for (const reply of refusals) {
    const mood: SinkMood = { answer: (command) => (command === 'RSET' ? reply : undefined) }
    const world = await start(t, ALWAYS + LONG, mood)
    await world.send()
    await world.send()
    assert.deepEqual(messages(world.sink), [1, 1], reply)
    assert.equal(uses(world), '- -')
  }
})

test('one whose server hangs up while it waits is not used', async (t) => {
  const world = await start(t, ALWAYS + LONG, { hangsUpAfter: '.' })
  await world.send()
  await until('the server has hung up', () => world.sink.ended[0] === true)
  await world.send()
  assert.deepEqual(
    world.sink.heard.map((session) => session.includes('RSET')),
    [false, false],
  )
})

test('smtp_rset_timeout: how long a connection may take to show that it lives', async (t) => {
  const mood: SinkMood = { answer: (command) => (command === 'RSET' ? '…' : undefined) }
  const { sink, send } = await start(t, `${ALWAYS}${LONG}smtp_rset_timeout = 1s\n`, mood)
  await send()
  await send()
  assert.deepEqual(messages(sink), [1, 1])
})

test('a server is known by its address too, unless passwords hang on its name', async (t) => {
  const passwords = 'smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = inline:{ x.test=a:b }\n'
  for (const [more, sessions] of [
    ['', [2]],
    [passwords, [1, 1]],
  ] as const) {
    const sink = await startSink(t)
    const hops = `a.test=smtp:[127.0.0.1]:${sink.port}, b.test=smtp:[localhost]:${sink.port}`
    const maps = `transport_maps = inline:{ ${hops} }\nsmtp_host_lookup = native\n`
    const world = await start(t, ALWAYS + LONG + maps + more)
    await world.send('bob@a.test')
    await world.send('bob@b.test')
    assert.deepEqual(messages(sink), sessions)
  }
})

test('connections of senders with passwords of their own are their own', async (t) => {
  const passwords = 'smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = inline:{ x.test=a:b }\n'
  for (const [setting, sessions] of [
    ['no', [2]],
    ['yes', [1, 1]],
  ] as const) {
    const world = await start(t, `${ALWAYS}${LONG}${passwords}smtp_sender_dependent_authentication = ${setting}\n`)
    await world.send()
    await submit(world.server, 'eva@mail.example.test', ['bob@far.test'], 'Subject: x\n\nx\n')
    await until('the second is sent', () => world.server.log().match(/status=sent/g)?.length === 2)
    assert.deepEqual(messages(world.sink), sessions, setting)
  }
})

test('the answer to QUIT is waited for, or not, and not for ever', async (t) => {
  const mood: SinkMood = { answer: (command) => (command === 'QUIT' ? '…' : undefined) }
  const table: [string, boolean][] = [
    ['', true],
    ['smtp_skip_quit_response = no\n', false],
    ['smtp_skip_quit_response = no\nsmtp_quit_timeout = 1s\n', true],
  ]
  for (const [mainCf, ends] of table) {
    const { sink, send } = await start(t, mainCf, mood)
    await send()
    await until('QUIT is said', () => sink.heard[0]?.at(-1) === 'QUIT')
    if (ends) await until('the client hangs up', () => sink.ended[0] === true)
    else await new Promise((wake) => setTimeout(wake, 300))
    assert.equal(sink.ended[0], ends, mainCf)
  }
})

test('under TLS connections are kept where that is wished, and sessions resumed', async (t) => {
  const relay = await startServer(t, { accounts: ['bob'], mainCf: 'mydestination = $myhostname, far.test\n' })
  const port = relay.port('smtp')
  const tls = `relayhost = [127.0.0.1]:${port}\nsmtp_tls_security_level = encrypt\nsmtp_tls_loglevel = 2\n`
  const cache = 'smtp_tls_session_cache_database = btree:${data_directory}/smtp_scache\n'
  const table: [string, string, number][] = [
    [ALWAYS + LONG, '- -', 0],
    [`${ALWAYS}${LONG}smtp_tls_connection_reuse = yes\n`, '- 2', 0],
    [
      `${ALWAYS}${LONG}smtp_tls_policy_maps = inline:{ { [127.0.0.1]:${port} = encrypt connection_reuse=yes } }\n`,
      '- 2',
      0,
    ],
    [cache, '- -', 1],
    [`${cache}smtp_tls_session_cache_timeout = 0\n`, '- -', 0],
  ]
  for (const [mainCf, used, resumed] of table) {
    await t.test(mainCf, async (sub) => {
      const world = await start(sub, tls + mainCf)
      await world.send()
      await world.send()
      assert.equal(uses(world), used)
      const log = world.server.log()
      assert.equal(log.match(/: Reusing old session/g)?.length ?? 0, resumed)
      assert.equal(log.match(/TLS connection established to/g)?.length, used === '- 2' ? 1 : 2)
      assert.equal(log.match(/TLS connection reused to/g)?.length ?? 0, used === '- 2' ? 1 : 0)
    })
  }
})
