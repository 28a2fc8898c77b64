/** socketmap, tcp and memcache tables against servers of the test's own; what is compared are postmap's words (3.7.11). */
import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { tableDirectory, tableEvents } from '../fixture.test.ts'
import { createTables, type Table, TableError } from '../mod.ts'
import { manualClock, systemClock } from '../../../base/mod.ts'
import { type Host, Hosts, LostLink, NoLink } from './hosts.ts'
import { tcpTable } from './tcp.ts'

interface Fake {
  readonly port: number
  /** What was received, a text for each chunk. */
  readonly got: string[]
  connections: number
  readonly stop: () => Promise<void>
}

/** A server that answers each chunk it gets. */
async function fake(
  t: TestContext,
  answer: (chunk: string, socket: Socket) => string | Buffer | undefined,
): Promise<Fake> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    state.connections++
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk) => {
      state.got.push(chunk.toString())
      const said = answer(chunk.toString(), socket)
      if (said !== undefined) socket.write(said)
    })
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  assert.ok(address !== null && typeof address === 'object')
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    await new Promise((done) => server.close(done))
  }
  const state: Fake = { port: address.port, got: [], connections: 0, stop }
  t.after(stop)
  return state
}

/** A result, `undefined`, or `!` before the kind of failure. */
async function ask(table: Table, key: string): Promise<string | undefined> {
  try {
    return await table.get(key)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    return `!${error.kind}`
  }
}

const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`

const SOCKETMAP: readonly (readonly [reply: string, answer: string | undefined, warning?: string])[] = [
  [netstring('OK hello'), 'hello'],
  [netstring('OK '), ''],
  [netstring('OK'), undefined],
  [netstring('OK é\n'), 'é\n'],
  ['03:OK ,', ''],
  [netstring('NOTFOUND '), undefined],
  [netstring('NOTFOUND'), undefined],
  [netstring('TEMP try  later'), '!unavailable', 'T socketmap server temporary error: try  later'],
  [netstring('TIMEOUT x'), '!unavailable', 'T socketmap server timeout error: x'],
  [netstring('PERM no'), '!configuration', 'T socketmap server permanent error: no'],
  [netstring('PERM'), '!configuration', 'T socketmap server permanent error'],
  [netstring('ok x'), '!unavailable', 'T socketmap server unknown error: x'],
  ['0:,', '!unavailable', 'T socketmap server unknown error'],
  ['junk', '!unavailable', 'table T lookup error: input format error'],
  ['3:OKx;', '!unavailable', 'table T lookup error: input format error'],
  ['41:x', '!unavailable', 'table T lookup error: input exceeds size limit'],
  ['99999999999999999:', '!unavailable', 'table T lookup error: input exceeds size limit'],
]

test('socketmap replies mean what they mean to Postfix, up to socketmap_max_reply_size', async (t) => {
  const events = tableEvents(t)
  for (const [reply, answer, warning] of SOCKETMAP) {
    const { port, got } = await fake(t, () => reply)
    const tables = createTables({ parameter: (name) => (name === 'socketmap_max_reply_size' ? '40' : undefined) })
    const name = `socketmap:inet:127.0.0.1:${port}:name`
    assert.equal(await ask(tables.open(name), 'a B'), answer, reply)
    assert.deepEqual(got, ['8:name a B,'])
    const said = events.splice(0).map((event) => ('text' in event ? event.text.replaceAll(name, 'T') : ''))
    assert.deepEqual(said, warning === undefined ? [] : [warning], reply)
    tables.close()
  }
})

test('one connection serves questions that come one after another, and a server that was restarted is asked anew', async (t) => {
  const server = await fake(t, (chunk, socket) => {
    if (chunk.includes('bye')) socket.end(netstring('OK last'))
    return chunk.includes('bye') ? undefined : netstring('OK x')
  })
  const tables = createTables()
  const table = tables.open(`proxy:socketmap:inet:127.0.0.1:${server.port}:n`)
  assert.equal(server.connections, 0, 'nothing is opened before the first question')
  for (let n = 0; n < 3; n++) assert.equal(await ask(table, 'k'), 'x')
  assert.equal(server.connections, 1)
  assert.equal(await ask(table, 'bye'), 'last')
  assert.equal(await ask(table, 'k'), 'x')
  assert.equal(server.connections, 2)
  const many = await Promise.all(Array.from({ length: 50 }, () => ask(table, 'k')))
  assert.deepEqual(new Set(many), new Set(['x']))
  assert.ok(server.connections <= 10, 'few connections')
  tables.close()
  assert.equal(await ask(table, 'k'), 'x', 'a session that holds a closed table still has its answers')
})

test('a server that is away, silent or hangs up is a failure that may pass', async (t) => {
  const events = tableEvents(t)
  const dropping = await fake(t, (_, socket) => void socket.destroy())
  const gone = await fake(t, () => undefined)
  await gone.stop()
  const tables = createTables()
  const failing = [
    `socketmap:inet:127.0.0.1:${dropping.port}:n`,
    `socketmap:inet:127.0.0.1:${gone.port}:n`,
    'socketmap:unix:/nonexistent/socket:n',
  ]
  for (const name of failing) assert.equal(await ask(tables.open(name), 'k'), '!unavailable', name)
  assert.deepEqual(
    events.map((event) => ('text' in event ? event.text : '')),
    [
      `table ${failing[0]} lookup error: unexpected disconnect`,
      `connect to 127.0.0.1:${gone.port}: Connection refused`,
      `table ${failing[1]} lookup error: Connection refused`,
      'connect to /nonexistent/socket: No such file or directory',
      `table ${failing[2]} lookup error: No such file or directory`,
    ],
  )
  for (const name of ['socketmap:foo', 'socketmap:unix:/x', 'memcache:/nonexistent/x.cf'])
    assert.equal(await ask(tables.open(name), 'k'), '!configuration', name)
})

const TCP: readonly (readonly [reply: string, answer: string | undefined, warning?: string])[] = [
  ['200 hello%20w%c3%a9\n', 'hello wé'],
  ['200 \n', ''],
  ['200  two\n', ' two'],
  ['200 a\tb\n', 'a\tb'],
  ['200 a%00b\n', 'a'],
  ['500 nope\n', undefined],
  ['400 later%21\n', '!unavailable'],
  ['200\n', '!unavailable', 'malformed reply: 200'],
  ['500\n', '!unavailable', 'malformed reply: 500'],
  ['600 x\n', '!unavailable', 'bad status code: 600 x'],
  ['junk\n', '!unavailable', 'malformed reply: junk'],
  ['200 %zz\n', '!unavailable', 'malformed reply: 200 %zz'],
  [' 200 x\n', '!unavailable', 'malformed reply:  200 x'],
  [`200 ${'x'.repeat(5000)}\n`, '!unavailable', 'text longer than 4096'],
]

test('tcp tables ask and are answered in %XX coding', async (t) => {
  const events = tableEvents(t)
  for (const [reply, answer, warning] of TCP) {
    const { port, got } = await fake(t, () => reply)
    const table = tcpTable({ name: `127.0.0.1:${port}`, tries: 1 })
    assert.equal(await ask(table, 'a B%\x01é'), answer, reply)
    assert.deepEqual(got, ['get a%20B%25%01%C3%A9\n'])
    const said = events.splice(0).map((event) => ('text' in event ? event.text : ''))
    assert.deepEqual(said, warning === undefined ? [] : [`read TCP map reply from 127.0.0.1:${port}: ${warning}`])
    table.close?.()
  }
})

test('a tcp server is tried several times, and silence ends', async (t) => {
  const events = tableEvents(t)
  let times = 0
  const { port } = await fake(t, (_, socket) => (++times < 3 ? void socket.destroy() : '200 third\n'))
  const table = tcpTable({ name: `127.0.0.1:${port}`, tries: 3, pauseMs: 1 })
  assert.equal(await ask(table, 'k'), 'third')
  assert.equal(events.length, 2)
  const silent = await fake(t, () => undefined)
  const waiting = tcpTable({ name: `127.0.0.1:${silent.port}`, tries: 1, timeLimitMs: 30 })
  assert.equal(await ask(waiting, 'k'), '!unavailable')
  assert.match(JSON.stringify(events.at(-1)), /read TCP map reply from 127.0.0.1:\d+: Connection timed out/)
  table.close?.()
})

/** As much of memcached as is spoken to. */
function memory(entries: Map<string, string>): (chunk: string) => string {
  return (chunk) => {
    const [line = '', data = ''] = chunk.split('\r\n')
    const [verb, key = ''] = line.split(' ')
    if (verb === 'set') entries.set(key, data)
    if (verb === 'set') return 'STORED\r\n'
    if (verb === 'delete') return entries.delete(key) ? 'DELETED\r\n' : 'NOT_FOUND\r\n'
    const value = entries.get(key)
    return value === undefined ? 'END\r\n' : `VALUE ${key} 0 ${Buffer.byteLength(value)}\r\n${value}\r\nEND\r\n`
  }
}

test('memcache: the cache is asked, then the backup, whose answer is put into the cache', async (t) => {
  const dir = tableDirectory(t)
  const entries = new Map([['v:ana@a.test', 'cachéd']])
  const server = await fake(t, memory(entries))
  dir.write('backup', 'bob@a.test kept\n')
  const file = dir.write(
    'm.cf',
    `memcache = inet:127.0.0.1:${server.port}\nbackup = texthash:${dir.path('backup')}\nkey_format = v:%s\n` +
      'ttl = 77\nflags = 5\ndomain = a.test\n',
  )
  const tables = createTables()
  const table = tables.open(`memcache:${file}`)
  assert.equal(await ask(table, 'Ana@A.test'), 'cachéd')
  assert.equal(await ask(table, 'bob@a.test'), 'kept')
  assert.equal(server.got.at(-1), 'set v:bob@a.test 5 77 4\r\nkept\r\n')
  assert.equal(entries.get('v:bob@a.test'), 'kept')
  for (const key of ['ana', '@a.test', 'ana@b.test', 'a b@a.test', 'x\r\nflush_all\r\n@a.test', '', 'nobody@a.test'])
    assert.equal(await ask(table, key), undefined, key)
  assert.ok(!server.got.some((text) => text.includes('flush_all')))
  const long = `${'x'.repeat(300)}@a.test`
  dir.write('backup', `bob@a.test kept\n${long} long\n`)
  const anew = createTables().open(`memcache:${file}`)
  assert.equal(await ask(anew, long), 'long', 'too long for a cache, not for the backup')
  anew.close?.()
  assert.deepEqual([...(table.entries?.() ?? [])], [['bob@a.test', 'kept']])
  assert.equal(await table.remove?.('bob@a.test'), true)
  assert.equal(entries.has('v:bob@a.test'), false)
  await server.stop()
  assert.equal(await ask(table, 'bob@a.test'), 'kept', 'the backup is there while the cache is away')
  tables.close()
})

test('memcache: bounds of replies, max_try, a server that is away', async (t) => {
  const events = tableEvents(t)
  const dir = tableDirectory(t)
  const replies: Record<string, string> = {
    big: `VALUE big 0 20\r\n${'x'.repeat(20)}\r\nEND\r\n`,
    odd: 'ERROR what\r\n',
    long: `${'y'.repeat(50)}\r\n`,
    fits: 'VALUE fits 0 10\r\n0123456789\r\nEND\r\n',
  }
  const server = await fake(t, (chunk) => replies[chunk.split(/\s/)[1] ?? ''] ?? 'END\r\n')
  const lines = `memcache = inet:127.0.0.1:${server.port}\ndata_size_limit = 10\nline_size_limit = 40\nmax_try = 1\n`
  const tables = createTables()
  const table = tables.open(`memcache:${dir.write('m.cf', lines)}`)
  assert.equal(await ask(table, 'fits'), '0123456789')
  for (const key of ['big', 'odd', 'long']) assert.equal(await ask(table, key), '!unavailable', key)
  const tried = server.got.length
  const twice = tables.open(`memcache:${dir.write('two.cf', `${lines}max_try = 2\nretry_pause = 1\n`)}`)
  assert.equal(await ask(twice, 'odd'), '!unavailable')
  assert.equal(server.got.length, tried + 2)
  assert.match(JSON.stringify(events), /unexpected memcache server reply: ERROR what/)
  tables.close()
})

test('settings stand in main.cf with the name before them, and faults are told with file and line', async (t) => {
  const dir = tableDirectory(t)
  const server = await fake(t, memory(new Map([['k', 'v']])))
  const values: Record<string, string> = { mine_memcache: `inet:127.0.0.1:${server.port}`, mine_ttl: 'soon' }
  const tables = createTables({ parameter: (name) => values[name] })
  const fault = async (name: string): Promise<string> => {
    try {
      return String(await tables.open(name).get('k'))
    } catch (error) {
      return error instanceof TableError ? error.text : 'other'
    }
  }
  assert.equal(await fault('memcache:mine'), 'bad numerical configuration: mine_ttl = soon')
  delete values['mine_ttl']
  const anew = createTables({ parameter: (name) => values[name], clock: systemClock })
  assert.equal(await anew.open('memcache:mine').get('k'), 'v')
  anew.close()
  const file = dir.write('x.cf', '# a\nttl = 1\n\nmax_try = 0\n')
  assert.equal(await fault(`memcache:${file}`), `${file}: invalid max_try parameter value 0 < 1`)
  const broken = dir.write('y.cf', '\nttl 1\n')
  assert.equal(await fault(`memcache:${broken}`), `${broken}, line 2: missing '=' after attribute name: "ttl 1"`)
})

test('several hosts: one that is away is left alone for retry_interval, an error of one question is no reason', async (t) => {
  const events = tableEvents(t)
  const clock = manualClock()
  const asked: string[] = []
  const host = (shown: string): Host => ({ shown, isLocal: shown.startsWith('/'), address: shown, port: 1 })
  let isAway = true
  const hosts = new Hosts(
    'mysql:x',
    'mysql',
    [host('a'), host('/socket'), host('b')],
    async ({ shown }) => {
      asked.push(shown)
      if (shown === '/socket' && isAway) throw new NoLink('refused')
      return { isOpen: true, close: () => {} }
    },
    { idleMs: 0, retryMs: 60_000 },
    clock,
    () => 0,
  )
  assert.equal(await hosts.ask(async () => 1), 1)
  assert.deepEqual(asked.splice(0), ['/socket', 'a'])
  assert.equal(await hosts.ask(async () => 2), 2)
  assert.deepEqual(asked.splice(0), ['a'])
  isAway = false
  clock.advance(60_001)
  assert.equal(await hosts.ask(async () => 3), 3)
  assert.deepEqual(asked.splice(0), ['/socket'])
  const wrong = async (): Promise<number> => {
    throw new Error('syntax error')
  }
  await assert.rejects(hosts.ask(wrong), TableError)
  assert.deepEqual(asked.splice(0), ['/socket', 'a', 'b'])
  assert.equal(await hosts.ask(async () => 4), 4)
  let lost = 0
  assert.equal(await hosts.ask(async () => (lost++ === 0 ? Promise.reject(new LostLink('gone')) : 5)), 5)
  assert.deepEqual(
    events.map((event) => ('text' in event ? event.text : '')),
    ['connect to mysql server /socket: refused', ...Array<string>(3).fill('mysql:x: query failed: syntax error')],
  )
})
