/** What each parameter of postscreen(8) changes for a client: in memory, by a clock and a DNS of the test. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { listen, manualClock } from '#src/base/mod.ts'
import { parseConfig } from '#src/io/config/mod.ts'
import { openDatabase, WriteTurn } from '#src/io/db/mod.ts'
import { createResolver, type DnsAnswer, type DnsType, type Resolver } from '#src/io/dns/mod.ts'
import type { Connection, ConnectionHandler, TlsFacts } from '#src/io/net/mod.ts'
import { createTables } from '#src/io/tables/mod.ts'
import { allParams } from '#src/main/registry.ts'
import { MemoryConnection } from '#src/main/server/memory-connection.ts'
import { screenFor } from '#src/main/server/screen.ts'
import { screenSchema, type SmtpdEvent } from '#src/services/smtpd/mod.ts'
import { startServer } from '../support/server.ts'

const SECOND = 1000
const HOUR = 3600 * SECOND

/** A client whose patience, or whose listener's, ends when the test says so. */
class Client extends MemoryConnection {
  #handler: ConnectionHandler | undefined
  #heard = ''

  override attach(handler: ConnectionHandler): void {
    this.#handler = handler
    super.attach(handler)
  }
  override startTls(): Promise<TlsFacts> {
    return Promise.resolve({ protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', bits: 256 } as TlsFacts)
  }

  /** The wait before the greeting is over. */
  async wait(): Promise<void> {
    this.#handler?.idle()
    await settle()
  }

  override write(data: Uint8Array | string): boolean {
    this.#heard += String(data)
    return super.write(data)
  }

  /** Says all at once; the replies to it. */
  async hear(...lines: readonly string[]): Promise<string[]> {
    this.#heard = ''
    this.say(lines.map((line) => `${line}\r\n`).join(''))
    await settle()
    return this.replies()
  }

  /** What it has heard since it spoke. */
  replies(): string[] {
    return (this.#heard.match(/(?:\d{3}-.*\r\n)*\d{3} .*\r\n/g) ?? []).map((reply) =>
      reply.trimEnd().replaceAll('\r', ''),
    )
  }

  /** One line after the other; the reply to the last. */
  async ask(...lines: readonly string[]): Promise<string> {
    let last: string | undefined
    for (const line of lines) last = (await this.hear(line)).at(-1)
    return last ?? ''
  }
}

/** All that was begun in memory has come to its end. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await turn()
}

interface World {
  readonly clock: ReturnType<typeof manualClock>
  /** Lines of postscreen and dnsblog. */
  readonly log: string[]
  /** A client connects; it has not waited yet. */
  comes(address?: string): Promise<Client>
  /** It has waited, and heard the greeting. */
  greeted(address?: string): Promise<Client>
  isServed(client: Client): boolean
  /** Whether DNS was asked since it was last inquired. */
  hasAsked(): boolean
}

type Zone = Readonly<Record<string, DnsAnswer | 'silence'>>

function world(t: TestContext, mainCf: string, zone: Zone = {}): World {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-screen-'))
  const turns = new WriteTurn(WriteTurn.memory(), 1)
  const db = openDatabase({ path: join(dir, 'db'), schemas: [screenSchema], turn: turns })
  const clock = manualClock()
  const served = new Set<Connection>()
  const asked: string[] = []
  const log: string[] = []
  const forget = listen((event) => {
    const said = event as SmtpdEvent
    if (said.event === 'smtpd.info' || said.event === 'smtpd.warning') log.push(said.text)
  })
  t.after(() => {
    forget()
    db.close()
    rmSync(dir, { recursive: true })
  })
  const base = 'myhostname = mail.test\nsmtpd_banner = mail.test\nmynetworks = 198.51.100.0/24\ndnsbl_self_test = no\n'
  const config = parseConfig(`compatibility_level = 3.6\n${base}${mainCf}`, allParams())
  const rooms = { current: { config, tables: createTables() }, clock, db, resolver: zoneResolver(t, zone, asked) }
  const accept = screenFor(rooms, {}, (connection) => served.add(connection))
  let port = 1024
  const comes = async (address = '192.0.2.7'): Promise<Client> => {
    const client = new Client({ address, port: port++ }, undefined)
    accept(client)
    await settle()
    return client
  }
  return {
    clock,
    log,
    comes,
    async greeted(address) {
      const client = await comes(address)
      await client.wait()
      return client
    },
    isServed: (client) => served.has(client),
    hasAsked: () => asked.splice(0).length > 0,
  }
}

/** `silence`: it is never answered. */
function zoneResolver(t: TestContext, zone: Zone, asked: string[]): Resolver {
  const dns = createResolver({ servers: [] })
  t.after(() => dns.close())
  const query = (name: string, _type: DnsType): Promise<DnsAnswer> => {
    asked.push(name)
    const answer = zone[name.replace('7.2.0.192.', '')]
    if (answer === 'silence') return new Promise(() => {})
    return Promise.resolve(answer ?? { status: 'nxdomain', secure: false })
  }
  return { query, addresses: (h) => dns.addresses(h), clientName: (a) => dns.clientName(a), close: () => {} }
}

const clean = (ttlSeconds: number): DnsAnswer => ({ status: 'nxdomain', secure: false, ttlSeconds })
const listed: DnsAnswer = {
  status: 'ok',
  records: [{ type: 'A', value: '127.0.0.2', ttlSeconds: 60 }],
  ttlSeconds: 60,
  secure: false,
}

const MAIL = ['EHLO c.test', 'MAIL FROM:<a@c.test>', 'RCPT TO:<ana@mail.test>', 'QUIT']
const DEEP = 'postscreen_greet_ttl = 100d\npostscreen_dnsbl_min_ttl = 90d\n'

test('a client that passed is not tested again for as long as a parameter says', async (t) => {
  const list = 'postscreen_dnsbl_sites = list.test\n'
  const ignored = `${DEEP}postscreen_pipelining_enable = yes\npostscreen_pipelining_action = ignore\n`
  const rows: readonly { cf: string; lasts: number; ttl?: number; all?: true }[] = [
    { cf: '', lasts: 24 * HOUR },
    { cf: 'postscreen_greet_ttl = 2h', lasts: 2 * HOUR },
    { cf: list, ttl: 700, lasts: 700 * SECOND },
    { cf: list, ttl: 5, lasts: 60 * SECOND },
    { cf: `${list}postscreen_dnsbl_min_ttl = 10m`, ttl: 5, lasts: 600 * SECOND },
    { cf: `${list}postscreen_dnsbl_min_ttl = 10m`, lasts: 600 * SECOND },
    { cf: list, ttl: 50_000, lasts: HOUR },
    { cf: `${list}postscreen_dnsbl_max_ttl = 3h`, ttl: 50_000, lasts: 3 * HOUR },
    { cf: `${DEEP}postscreen_pipelining_enable = yes\npostscreen_pipelining_ttl = 3h`, lasts: 3 * HOUR },
    { cf: `${DEEP}postscreen_non_smtp_command_enable = yes\npostscreen_non_smtp_command_ttl = 3h`, lasts: 3 * HOUR },
    { cf: `${DEEP}postscreen_bare_newline_enable = yes\npostscreen_bare_newline_ttl = 3h`, lasts: 3 * HOUR },
    // What failed and is ignored counts as passed for the least of all these times, whatever is enabled.
    { cf: ignored, all: true, lasts: 30 * 24 * HOUR },
    { cf: `${ignored}postscreen_pipelining_ttl = 3h`, all: true, lasts: 3 * HOUR },
    { cf: `${ignored}postscreen_non_smtp_command_ttl = 4h`, all: true, lasts: 4 * HOUR },
    { cf: `${ignored}postscreen_bare_newline_ttl = 5h`, all: true, lasts: 5 * HOUR },
    { cf: ignored.replace('= 90d', '= 6h'), all: true, lasts: 6 * HOUR },
    { cf: ignored.replace('= 100d', '= 7h'), all: true, lasts: 7 * HOUR },
  ]
  for (const { cf, lasts, ttl, all } of rows) {
    const here = world(t, cf, ttl === undefined ? {} : { 'list.test': clean(ttl) })
    const client = await here.greeted()
    if (all === true) await client.hear(...MAIL)
    else if (!here.isServed(client)) await client.ask(...MAIL)
    const isKnown = async (): Promise<boolean> => {
      here.hasAsked()
      return here.isServed(await here.comes()) && !here.hasAsked()
    }
    here.clock.advance(lasts - 1)
    assert.ok(await isKnown(), `${cf}: still known after ${lasts} ms less one`)
    here.clock.advance(1)
    assert.ok(!(await isKnown()), `${cf}: not known any more after ${lasts} ms`)
  }
})

test('what becomes of a client that does not wait for answers', async (t) => {
  const rows = [
    { action: '', heard: ['250 2.1.0 Ok', '550 5.5.1 Protocol error', '221 2.0.0 Bye'] },
    { action: 'enforce', heard: ['250 2.1.0 Ok', '550 5.5.1 Protocol error', '221 2.0.0 Bye'] },
    { action: 'ignore', heard: ['250 2.1.0 Ok', '450 4.3.2 Service currently unavailable', '221 2.0.0 Bye'] },
    { action: 'drop', heard: ['521 5.5.1 Protocol error'] },
  ]
  for (const { action, heard } of rows) {
    const set = action === '' ? '' : `postscreen_pipelining_action = ${action}\n`
    const here = world(t, `postscreen_pipelining_enable = yes\n${set}`)
    const client = await here.greeted()
    const said = await client.hear(...MAIL)
    assert.deepEqual(
      said.filter((reply) => !reply.startsWith('250-')),
      heard,
      action,
    )
    assert.match(here.log.join('\n'), /COMMAND PIPELINING from \[192\.0\.2\.7\]:1024 after EHLO: MAIL FROM/)
    assert.ok(client.closed)
  }
})

test('commands that are none of SMTP', async (t) => {
  const [gone, unknown] = [
    '521 5.7.0 Error: I can break rules, too. Goodbye.',
    '502 5.5.2 Error: command not recognized',
  ]
  const rows: readonly [forbidden: string | undefined, command: string, reply: string][] = [
    [undefined, 'CONNECT a.test', gone],
    [undefined, 'get / HTTP/1.1', gone],
    [undefined, '123', gone],
    [undefined, 'FOO', unknown],
    ['', 'CONNECT a.test', unknown],
    ['', 'Subject: x', gone],
    ['FOO', 'foo bar', gone],
    ['FOO', 'FOOD', unknown],
    ['FOO', 'CONNECT a.test', unknown],
    ['inline:{FOO=x} BAR', 'FOO', gone],
    ['inline:{FOO=x} BAR', 'BAR', gone],
    ['BAR regexp:{{/^BAZ/ Bogus}}', 'BAZAAR', gone],
  ]
  for (const [forbidden, command, reply] of rows) {
    const set = forbidden === undefined ? '' : `postscreen_forbidden_commands = ${forbidden}\n`
    const client = await world(t, `postscreen_non_smtp_command_enable = yes\n${set}`).greeted()
    assert.equal(await client.ask(command), reply, `${forbidden}: ${command}`)
  }
})

test('EHLO keywords that a client does not hear, by its address', async (t) => {
  const maps = 'inline:{ {192.0.2.7=starttls, Chunking dsn} {192.0.2.8=silent-discard etrn} {192.0.2.9=vrfy} }'
  const all = 'SIZE VRFY ETRN STARTTLS ENHANCEDSTATUSCODES 8BITMIME DSN SMTPUTF8 CHUNKING'
  const rows: readonly { address: string; without: string; log: string; startTls: RegExp; bdat: RegExp }[] = [
    {
      address: '192.0.2.7',
      without: 'STARTTLS CHUNKING DSN',
      log: '[192.0.2.7]1024: discarding EHLO keywords: STARTTLS DSN CHUNKING',
      startTls: /^502 5\.5\.1 Error: command not implemented$/,
      bdat: /^502 5\.5\.1 Error: command not implemented$/,
    },
    { address: '192.0.2.8', without: 'ETRN', log: '', startTls: /^220 /, bdat: /^554 5\.5\.1 / },
    // The same as for all is not told.
    { address: '192.0.2.9', without: 'VRFY', log: '', startTls: /^220 /, bdat: /^554 5\.5\.1 / },
    { address: '192.0.2.10', without: 'VRFY', log: '', startTls: /^220 /, bdat: /^554 5\.5\.1 / },
  ]
  for (const { address, without, log, startTls, bdat } of rows) {
    const here = world(
      t,
      `postscreen_pipelining_enable = yes
postscreen_tls_security_level = may
postscreen_discard_ehlo_keywords = vrfy
postscreen_discard_ehlo_keyword_address_maps = ${maps}
`,
    )
    const client = await here.greeted(address)
    const heard = (await client.ask('EHLO c.test')).split('\n').slice(1)
    const words = heard.map((line) => line.slice(4).split(' ')[0])
    const expected = all.split(' ').filter((word) => !without.split(' ').includes(word))
    assert.deepEqual(words, expected, address)
    assert.equal(here.log.filter((line) => line.includes('discarding')).join(), log)
    assert.match(await client.ask('STARTTLS'), startTls)
    assert.match(await client.ask('EHLO c.test', 'BDAT 3 LAST'), bdat)
  }
})

test('a table of EHLO keywords that cannot be asked ends the session', async (t) => {
  const here = world(
    t,
    'postscreen_pipelining_enable = yes\npostscreen_discard_ehlo_keyword_address_maps = fail:broken\n',
  )
  const client = await here.greeted()
  assert.equal(await client.ask('EHLO c.test'), '421 4.3.0 mail.test Server local data error')
  assert.ok(client.closed)
})

test('TLS by the names of before Postfix 2.3', async (t) => {
  const must = '530 5.7.0 Must issue a STARTTLS command first'
  const rows: readonly [cf: string, offered: boolean, mail: string][] = [
    ['', false, '250 2.1.0 Ok'],
    ['postscreen_use_tls = yes', true, '250 2.1.0 Ok'],
    ['postscreen_enforce_tls = yes', true, must],
    ['postscreen_use_tls = no\npostscreen_enforce_tls = yes', true, must],
    ['smtpd_use_tls = yes', true, '250 2.1.0 Ok'],
    ['smtpd_use_tls = yes\npostscreen_use_tls = no', false, '250 2.1.0 Ok'],
    ['smtpd_enforce_tls = yes\npostscreen_enforce_tls = no', false, '250 2.1.0 Ok'],
    ['postscreen_use_tls = yes\npostscreen_tls_security_level = none', false, '250 2.1.0 Ok'],
    ['postscreen_enforce_tls = yes\npostscreen_tls_security_level = may', true, '250 2.1.0 Ok'],
  ]
  for (const [cf, offered, mail] of rows) {
    const client = await world(t, `postscreen_pipelining_enable = yes\n${cf}\n`).greeted()
    assert.equal((await client.ask('EHLO c.test')).includes('STARTTLS'), offered, cf)
    assert.equal(await client.ask('MAIL FROM:<a@c.test>'), mail, cf)
    assert.match(await client.ask('STARTTLS'), offered ? /^220 / : /^502 /, cf)
  }
})

test('so many clients are looked at at a time; those that are known need no place', async (t) => {
  for (const limit of [10, 12]) {
    const here = world(t, `postscreen_pre_queue_limit = ${limit}\n`)
    assert.ok(here.isServed(await here.greeted('192.0.2.7')))
    const waiting: Client[] = []
    // Of ten Postfix looks at nine.
    for (let i = 1; i < limit; i++) waiting.push(await here.comes(`192.0.2.${100 + i}`))
    assert.ok(waiting.every((client) => !client.closed))
    const oneMore = await here.comes('192.0.2.200')
    assert.deepEqual(oneMore.replies(), ['421 4.3.2 All screening ports are busy'])
    assert.ok(oneMore.closed)
    assert.match(here.log.join('\n'), /^reject: connect from \[192\.0\.2\.200\]:\d+: all screening ports busy$/m)
    for (const known of ['192.0.2.7', '198.51.100.1']) assert.ok(here.isServed(await here.comes(known)), known)
    await waiting[0]?.wait()
    assert.ok(!(await here.comes('192.0.2.201')).closed)
    assert.ok((await here.comes('192.0.2.202')).closed)
  }
})

test('a DNS list has so long to answer; its answer has no say any more when it is late', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  for (const seconds of [10, 2]) {
    const set = seconds === 10 ? '' : `postscreen_dnsbl_timeout = ${seconds}s\n`
    const here = world(t, `${set}postscreen_dnsbl_sites = slow.test\n`, { 'slow.test': 'silence' })
    await here.greeted()
    here.clock.advance(HOUR)
    // It need not wait for its turn any more, only for the list.
    const again = await here.comes()
    t.mock.timers.tick(seconds * SECOND - 1)
    await settle()
    assert.ok(!here.isServed(again), `${seconds} s: still asked`)
    here.log.length = 0
    t.mock.timers.tick(1)
    await settle()
    assert.ok(here.isServed(again), `${seconds} s: not any more`)
    assert.ok(here.log.includes(`dnsblog reply timeout ${seconds}s for slow.test`))
  }
})

test('when the wait is over, the lists that have answered decide', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const here = world(
    t,
    'postscreen_dnsbl_sites = black.test slow.test\npostscreen_dnsbl_action = enforce\npostscreen_dnsbl_reply_map = inline:{black.test=some.list}\n',
    { 'black.test': listed, 'slow.test': 'silence' },
  )
  const client = await here.greeted()
  assert.equal(
    await client.ask(...MAIL.slice(0, 3)),
    '550 5.7.1 Service unavailable; client [192.0.2.7] blocked using some.list',
  )
})

test('a load balancer has so long to say who the client is', async (t) => {
  const server = await startServer(t, {
    mainCf: 'postscreen_upstream_proxy_protocol = haproxy\n',
    files: {
      'master.cf': `smtp inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_timeout=1s
submission inet n - n - 1 postscreen
  -o postscreen_upstream_proxy_timeout=1h
smtpd pass - - n - - smtpd
`,
    },
  })
  const [short, long] = ['smtp', 'submission'].map((name) => connect(server.port(name), '127.0.0.1'))
  assert.ok(short !== undefined && long !== undefined)
  let isLongClosed = false
  long.on('close', () => (isLongClosed = true))
  short.resume()
  long.resume()
  await once(short, 'close')
  assert.ok(!isLongClosed)
  long.destroy()
  await server.logged(/haproxy \[127\.0\.0\.1\]: no PROXY header in time[^]*: connection lost before the PROXY header/)
})
