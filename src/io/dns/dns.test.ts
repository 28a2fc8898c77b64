import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { decode, encode, type Answer, type DecodedPacket } from 'dns-packet'
import fc from 'fast-check'
import { manualClock } from '../../base/mod.ts'
import { expandIpv6, isHostName, queryName, reverseName } from './names.ts'
import { parseResolvConf, parseServer } from './resolv-conf.ts'
import { createResolver, type ResolverOptions } from './resolver.ts'
import { encodeQuery, parseReply } from './wire.ts'

type Respond = (
  query: DecodedPacket,
  tcp: boolean,
) => { rcode?: number; flags?: number; answers?: Answer[]; soa?: number } | undefined

/** A DNS server on a loopback port that answers what `respond` says; undefined: silence. */
async function startServer(t: TestContext, respond: Respond): Promise<{ at: string; asked: DecodedPacket[] }> {
  const asked: DecodedPacket[] = []
  const reply = (message: Buffer, tcp: boolean): Buffer | undefined => {
    const query = decode(message)
    asked.push(query)
    const said = respond(query, tcp)
    if (said === undefined) return undefined
    const soa = {
      mname: 'ns.example',
      rname: 'h.example',
      serial: 1,
      refresh: 1,
      retry: 1,
      expire: 1,
      minimum: said.soa ?? 60,
    }
    return encode({
      type: 'response',
      id: query.id ?? 0,
      flags: (said.rcode ?? 0) | (said.flags ?? 0),
      questions: query.questions ?? [],
      answers: said.answers ?? [],
      authorities: said.answers ? [] : [{ type: 'SOA', name: 'example', ttl: 300, data: soa }],
    })
  }
  const udp = createSocket('udp4')
  udp.on('message', (message, from) => {
    const answer = reply(message, false)
    if (answer) udp.send(answer, from.port, from.address)
  })
  const tcp = createServer((socket) => {
    socket.on('data', (chunk: Buffer) => {
      const answer = reply(chunk.subarray(2), true)
      if (answer) socket.end(Buffer.concat([Buffer.from([answer.length >> 8, answer.length & 255]), answer]))
    })
    socket.on('error', () => {})
  })
  t.after(() => {
    udp.close()
    tcp.close()
  })
  // TCP first: a port that is free for it may be held for UDP only by chance, and UDP has no TIME_WAIT.
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done))
  const { port } = tcp.address() as AddressInfo // it listens on a port
  await new Promise<void>((done, failed) => {
    udp.once('error', failed)
    udp.bind(port, '127.0.0.1', () => done())
  })
  return { at: `127.0.0.1:${port}`, asked }
}

function resolverFor(t: TestContext, options: ResolverOptions): ReturnType<typeof createResolver> {
  const resolver = createResolver({ hostsFile: '/nonexistent', timeoutMs: 150, attempts: 2, ...options })
  t.after(() => resolver.close())
  return resolver
}

const a = (name: string, data: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data })

test('queryName() lets pass what DNS may be asked', () => {
  const table: [string, string | undefined][] = [
    ['Example.COM.', 'example.com'],
    ['_dmarc.example.com', '_dmarc.example.com'],
    ['bücher.example', 'xn--bcher-kva.example'],
    ['10.9.8.7', undefined],
    ['::1', undefined],
    ['', undefined],
    ['a..b', undefined],
    ['-a.example', undefined],
    ['a b.example', undefined],
    [`${'x'.repeat(64)}.example`, undefined],
    [`${'x.'.repeat(127)}x`, undefined],
  ]
  for (const [name, expected] of table) assert.equal(queryName(name), expected, name)
})

test('reverseName() writes addresses backwards', () => {
  assert.equal(reverseName('172.16.18.9'), '9.18.16.172.in-addr.arpa')
  assert.equal(reverseName('2001:db8::1'), `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa`)
  assert.equal(reverseName('x'), undefined)
  assert.equal(expandIpv6('::ffff:192.0.2.1'), `${'0'.repeat(20)}ffffc0000201`)
})

test('isHostName() refuses names that look like addresses', () => {
  assert.equal(isHostName('mail.example'), true)
  assert.equal(isHostName('10.1.2.3'), false)
  assert.equal(isHostName('10.1.2'), false)
})

test('a name is asked once, joined while under way and cached for its TTL', async (t) => {
  const clock = manualClock()
  const server = await startServer(t, (q) => ({ answers: [a(q.questions?.[0]?.name ?? '', '192.0.2.1', 10)] }))
  const dns = resolverFor(t, { servers: [server.at], clock })
  const [one, two] = await Promise.all([dns.query('h.example', 'A'), dns.query('H.example.', 'A')])
  assert.deepEqual(one, two)
  assert.equal(one.status === 'ok' && one.records[0]?.value, '192.0.2.1')
  await dns.query('h.example', 'A')
  assert.equal(server.asked.length, 1)
  clock.advance(10_001)
  await dns.query('h.example', 'A')
  assert.equal(server.asked.length, 2)
})

test('"there is none" is cached for the SOA minimum and told apart from no data', async (t) => {
  const clock = manualClock()
  const server = await startServer(t, (q) => (q.questions?.[0]?.type === 'MX' ? { soa: 20 } : { rcode: 3, soa: 20 }))
  const dns = resolverFor(t, { servers: [server.at], clock })
  assert.deepEqual(await dns.query('h.example', 'A'), { status: 'nxdomain', secure: false, ttlSeconds: 20 })
  assert.deepEqual(await dns.query('h.example', 'MX'), { status: 'nodata', secure: false, ttlSeconds: 20 })
  await dns.query('h.example', 'A')
  assert.equal(server.asked.length, 2)
  clock.advance(20_001)
  await dns.query('h.example', 'A')
  assert.equal(server.asked.length, 3)
})

test('a truncated reply is asked again by TCP', async (t) => {
  const server = await startServer(t, (q, tcp) =>
    tcp
      ? { answers: [{ type: 'TXT', name: q.questions?.[0]?.name ?? '', ttl: 1, data: ['one ', 'text'] }] }
      : { flags: 0x0200 },
  )
  const answer = await resolverFor(t, { servers: [server.at] }).query('t.example', 'TXT')
  assert.equal(answer.status === 'ok' && answer.records[0]?.value, 'one text')
})

test('CNAMEs are followed inside a reply and to further questions, not for ever', async (t) => {
  const server = await startServer(t, (q) => {
    const name = q.questions?.[0]?.name ?? ''
    if (name === 'loop.example') return { answers: [{ type: 'CNAME', name, ttl: 5, data: 'loop.example' }] }
    if (name === 'far.example') return { answers: [a(name, '192.0.2.7')] }
    if (name === 'c.example') return { answers: [{ type: 'CNAME', name, ttl: 5, data: 'far.example' }] }
    return { answers: [{ type: 'CNAME', name, ttl: 5, data: 'b.example' }, a('b.example', '192.0.2.8')] }
  })
  const dns = resolverFor(t, { servers: [server.at] })
  const values = async (name: string): Promise<unknown> => {
    const answer = await dns.query(name, 'A')
    return answer.status === 'ok' ? answer.records.map((r) => r.value) : answer.status
  }
  assert.deepEqual(await values('a.example'), ['192.0.2.8'])
  assert.deepEqual(await values('c.example'), ['192.0.2.7'])
  assert.deepEqual(await values('loop.example'), 'nodata')
})

test('AD counts only from a server that is trusted', async (t) => {
  const server = await startServer(t, (q) => ({
    flags: 0x0020,
    answers: [a(q.questions?.[0]?.name ?? '', '192.0.2.1')],
  }))
  const secure = async (options: ResolverOptions): Promise<unknown> => {
    const answer = await resolverFor(t, { servers: [server.at], ...options }).query('h.example', 'A')
    return answer.status === 'ok' && answer.secure
  }
  assert.equal(await secure({ trusted: [] }), false)
  assert.equal(await secure({}), true) // a server on this machine
  assert.equal(await secure({ trusted: ['127.0.0.1'] }), true)
  assert.equal(server.asked[0]?.additionals?.[0]?.type, 'OPT')
})

test('SERVFAIL and silence go on to the next server, then fail', async (t) => {
  const bad = await startServer(t, () => ({ rcode: 2 }))
  const silent = await startServer(t, () => undefined)
  const good = await startServer(t, (q) => ({ answers: [a(q.questions?.[0]?.name ?? '', '192.0.2.1')] }))
  const all = resolverFor(t, { servers: [bad.at, silent.at, good.at], timeoutMs: 60 })
  assert.equal((await all.query('h.example', 'A')).status, 'ok')
  const none = resolverFor(t, { servers: [bad.at], timeoutMs: 60 })
  assert.deepEqual(await none.query('h.example', 'A'), { status: 'failed', reason: '127.0.0.1: SERVFAIL' })
})

test('servers that stay silent cost one short try only', async (t) => {
  const silent = await startServer(t, () => undefined)
  const dns = resolverFor(t, { servers: [silent.at], timeoutMs: 50 })
  await dns.query('a.example', 'A')
  await dns.query('b.example', 'A')
  assert.equal(silent.asked.length, 4)
  await dns.query('c.example', 'A')
  assert.equal(silent.asked.length, 5)
})

test('a server without EDNS is asked without', async (t) => {
  const server = await startServer(t, (q) =>
    q.additionals?.length ? { rcode: 1 } : { answers: [a(q.questions?.[0]?.name ?? '', '192.0.2.1')] },
  )
  assert.equal((await resolverFor(t, { servers: [server.at] }).query('h.example', 'A')).status, 'ok')
})

test('replies to other questions are not believed', async (t) => {
  const server = await startServer(t, () => undefined)
  const question = { name: 'h.example', type: 'A' } as const
  const good = encode({ type: 'response', id: 7, questions: [question], answers: [a('h.example', '192.0.2.1')] })
  assert.equal(parseReply(good, 7, question)?.records.length, 1)
  assert.equal(parseReply(good, 8, question), undefined)
  assert.equal(parseReply(good, 7, { name: 'x.example', type: 'A' }), undefined)
  assert.equal(parseReply(encodeQuery(7, question, true), 7, question), undefined)
  assert.equal(server.asked.length, 0)
})

test('any octets are a reply or none, never a crash', () => {
  const question = { name: 'h.example', type: 'A' } as const
  const good = encode({ type: 'response', id: 7, questions: [question], answers: [a('h.example', '192.0.2.1')] })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => void parseReply(Buffer.from(octets), 7, question)),
  )
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
      const broken = Buffer.from(good)
      broken[at] = value
      parseReply(broken, 7, question)
    }),
    { numRuns: 2000 },
  )
})

function hostsFile(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-dns-'))
  t.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, 'hosts'), text)
  return join(directory, 'hosts')
}

test('clientName() takes the hosts file first and asks nothing for loopback', async (t) => {
  const server = await startServer(t, () => undefined)
  const file = hostsFile(t, '127.0.0.1 localhost\n::1 localhost # six\n192.0.2.9 nine.example nine\n')
  const dns = resolverFor(t, { servers: [server.at], hostsFile: file })
  const ok = (name: string): object => ({ name, reverseName: name, nameStatus: 'ok', reverseStatus: 'ok' })
  assert.deepEqual(await dns.clientName('127.0.0.1'), ok('localhost'))
  assert.deepEqual(await dns.clientName('::1'), ok('localhost'))
  assert.deepEqual(await dns.clientName('192.0.2.9'), ok('nine.example'))
  assert.equal((await dns.clientName('127.0.0.2')).nameStatus, 'permanent')
  assert.equal(server.asked.length, 0)
})

test('clientName() believes a name that points back', async (t) => {
  const pointers: Record<string, string> = {
    '1.2.0.192.in-addr.arpa': 'good.example',
    '2.2.0.192.in-addr.arpa': 'liar.example',
    '3.2.0.192.in-addr.arpa': 'lame.example',
    '4.2.0.192.in-addr.arpa': '10.0.0.1',
    '6.2.0.192.in-addr.arpa': 'nowhere.example',
  }
  const server = await startServer(t, (q) => {
    const { name = '', type = 'A' } = q.questions?.[0] ?? {}
    if (type === 'PTR' && name.startsWith('5.')) return { rcode: 2 }
    const data = pointers[name]
    if (type === 'PTR') return data === undefined ? { rcode: 3 } : { answers: [{ type, name, ttl: 9, data }] }
    if (name === 'lame.example') return { rcode: 2 }
    if (name === 'nowhere.example') return { rcode: 3 }
    return type === 'A' ? { answers: [a(name, '192.0.2.1')] } : {}
  })
  const dns = resolverFor(t, { servers: [server.at] })
  const table: [string, string, string, string, string][] = [
    ['192.0.2.1', 'good.example', 'ok', 'good.example', 'ok'],
    ['192.0.2.2', 'unknown', 'permanent', 'liar.example', 'ok'],
    ['192.0.2.3', 'unknown', 'temporary', 'lame.example', 'ok'],
    ['192.0.2.4', 'unknown', 'permanent', 'unknown', 'permanent'],
    ['192.0.2.5', 'unknown', 'temporary', 'unknown', 'temporary'],
    ['192.0.2.6', 'unknown', 'permanent', 'nowhere.example', 'ok'],
    ['192.0.2.7', 'unknown', 'permanent', 'unknown', 'permanent'],
  ]
  for (const [address, name, nameStatus, reverseName, reverseStatus] of table)
    assert.deepEqual(await dns.clientName(address), { name, nameStatus, reverseName, reverseStatus }, address)
})

test('parseResolvConf() reads servers and options', () => {
  const conf = parseResolvConf(
    '; x\nnameserver 192.0.2.53\nnameserver ::1 # local\noptions timeout:2 attempts:9 rotate\n',
  )
  assert.deepEqual(conf.servers, [
    { address: '192.0.2.53', port: 53 },
    { address: '::1', port: 53 },
  ])
  assert.deepEqual([conf.timeoutMs, conf.attempts], [2000, 5])
  assert.equal(parseResolvConf('').servers[0]?.address, '127.0.0.1')
  assert.deepEqual(parseServer('[::1]:5353'), { address: '::1', port: 5353 })
  assert.throws(() => parseServer('dns.example'))
})
