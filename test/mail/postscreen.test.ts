/** A listener behind postscreen: clients are let through, remembered, spoken with, and sent away. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { connect as tlsConnect } from 'node:tls'
import { manualClock } from '#src/base/mod.ts'
import { parseConfig } from '#src/io/config/mod.ts'
import { createTables } from '#src/io/tables/mod.ts'
import { MemoryConnection } from '#src/main/server/memory-connection.ts'
import { clientCache, createScreen, postscreenParams, smtpdParams } from '#src/services/smtpd/mod.ts'
import { startServer, type TestServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const MASTER_CF = 'smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd\n'
const NEVER = { pregreet: 0, dnsbl: 0, pipelining: 0, nonSmtp: 0, bareNewline: 0 }

const screened = (t: TestContext, mainCf = ''): Promise<TestServer> =>
  startServer(t, {
    accounts: ['ana'],
    mainCf: `mynetworks = 192.0.2.0/24\npostscreen_greet_wait = 1s\n${mainCf}`,
    files: { 'master.cf': MASTER_CF },
  })

/** Everything that is said within the time that one line takes to come. */
async function heard(socket: Socket, until: RegExp): Promise<string> {
  let text = ''
  for await (const chunk of socket) {
    text += String(chunk)
    if (until.test(text)) return text
  }
  return text
}

/** Waits for the whole greeting. */
async function knock(server: TestServer): Promise<void> {
  const socket = connect(server.port('smtp'), '127.0.0.1')
  await heard(socket, /^220 /m)
  socket.destroy()
}

test('a new client waits once, and is remembered over a restart; what it said too early is answered', async (t) => {
  const server = await screened(t)
  const socket = connect(server.port('smtp'), '127.0.0.1')
  socket.write('EHLO early.test\r\n')
  const text = await heard(socket, /^250 /m)
  assert.match(text, /^220-mail\.example\.test ESMTP Postigo\r\n220 mail\.example\.test ESMTP Postigo\r\n250-mail/)
  await server.logged(
    /postscreen\[\d+\]: PREGREET 17 after 0(?:\.\d+)? from \[127\.0\.0\.1\]:\d+: EHLO early\.test\\r\\n$/m,
  )
  await knock(server)
  await server.logged(/PASS NEW \[127\.0\.0\.1\]/)
  await server.restart()
  await knock(server)
  await server.logged(/PASS OLD \[127\.0\.0\.1\]/)
})

test('without postscreen_cache_map nobody is remembered; one client has so many connections at a time', async (t) => {
  const server = await screened(t, 'postscreen_cache_map =\npostscreen_client_connection_count_limit = 2\n')
  await knock(server)
  const waiting = [1, 2].map(() => connect(server.port('smtp'), '127.0.0.1'))
  await Promise.all(waiting.map((socket) => once(socket, 'data')))
  await transcript(server.port('smtp'), 'S: 421 4.7.0 Error: too many connections')
  await server.logged(/NOQUEUE: reject: CONNECT from \[127\.0\.0\.1\]:\d+: too many connections/)
  for (const socket of waiting) socket.destroy()
  assert.equal(server.log().match(/PASS OLD/g), null)
  assert.ok(server.log().includes('PASS NEW'))
})

test('a small default_process_limit is a fault only where a screen takes its bound from it', async (t) => {
  const small = 'default_process_limit = 5\n'
  await startServer(t, { mainCf: small })
  const refused = /postscreen_pre_queue_limit parameter value 5 < 10/
  await assert.rejects(screened(t, small), refused)
  await assert.rejects(startServer(t, { mainCf: 'postscreen_pre_queue_limit = 5\n' }), refused)
})

test('TLS in the screen’s own dialogue', async (t) => {
  for (const level of ['may', 'encrypt', 'none']) {
    const server = await screened(t, `postscreen_pipelining_enable = yes\npostscreen_tls_security_level = ${level}\n`)
    const plain = connect(server.port('smtp'), '127.0.0.1')
    plain.setEncoding('latin1')
    let text = ''
    plain.on('data', (chunk: string) => (text += chunk))
    const ask = async (line: string, pattern: RegExp): Promise<void> => {
      plain.write(`${line}\r\n`)
      while (!pattern.test(text)) await once(plain, 'data')
      text = ''
    }
    while (!/^220 /m.test(text)) await once(plain, 'data')
    const offers = level === 'none' ? /ETRN\r\n250-ENHANCED/ : /ETRN\r\n250-STARTTLS\r\n250-ENHANCED/
    await ask('EHLO c.test', offers)
    await ask('MAIL FROM:<a@c.test>', level === 'encrypt' ? /^530 5\.7\.0 Must issue a STARTTLS/ : /^250 2\.1\.0/)
    await ask('STARTTLS', level === 'none' ? /^502 5\.5\.1/ : /^220 2\.0\.0 Ready to start TLS/)
    if (level === 'none') {
      plain.destroy()
      continue
    }
    plain.removeAllListeners('data')
    const secure = tlsConnect({ socket: plain, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    secure.write('EHLO c.test\r\nRSET\r\n')
    assert.match(await heard(secure, /^250 2\.0\.0/m), /ETRN\r\n250-ENHANCED/)
    secure.destroy()
  }
})

test('a load balancer says who the client is', async (t) => {
  const server = await screened(t, 'postscreen_upstream_proxy_protocol = haproxy\n')
  const socket = connect(server.port('smtp'), '127.0.0.1')
  socket.write('PROXY TCP4 192.0.2.9 192.0.2.1 4711 25\r\n')
  assert.match(await heard(socket, /220 /), /^220 mail/)
  await server.logged(
    /CONNECT from \[192\.0\.2\.9\]:4711 to \[192\.0\.2\.1\]:25\n[^]*ALLOWLISTED \[192\.0\.2\.9\]:4711/,
  )
})

test('who was not seen for postscreen_cache_retention_time is forgotten', async (t) => {
  const server = await screened(t)
  const cache = clientCache(server.server.rooms.db)
  await cache.put('192.0.2.1', { ...NEVER, pregreet: 1000 })
  await cache.put('192.0.2.2', { ...NEVER, pregreet: 3000 })
  await cache.forget(2000)
  assert.equal(cache.find('192.0.2.1'), undefined)
  assert.deepEqual(cache.find('192.0.2.2'), { ...NEVER, pregreet: 3000 })

  const clock = manualClock()
  const forgotten: number[] = []
  const config = parseConfig(
    'postscreen_cache_cleanup_interval = 1h\npostscreen_cache_retention_time = 2h\nmyhostname = x\n',
    new Map(Object.entries({ ...smtpdParams, ...postscreenParams })),
  )
  const accept = createScreen({
    cf: config.bind(postscreenParams),
    stressed: config.bind(postscreenParams),
    host: { ...config.bind(smtpdParams), delay_logging_resolution_limit: 2 },
    clock,
    tables: createTables(),
    access: async () => 'permit',
    score: undefined,
    replyName: undefined,
    cache: { find: () => undefined, put: async () => {}, forget: async (before) => void forgotten.push(before) },
    serve: (connection) => connection.destroy(),
  })
  const HOUR = 3_600_000
  for (const hours of [0, 0.5, 0.5, 0.5]) {
    clock.advance(hours * HOUR)
    accept(new MemoryConnection({ address: '192.0.2.1', port: 1 }, undefined))
  }
  assert.deepEqual(forgotten, [clock.now() - 0.5 * HOUR - 2 * HOUR])
})
