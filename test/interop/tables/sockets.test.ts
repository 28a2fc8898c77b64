/** `memcache:` against Debian's memcached, `socketmap:` and `tcp:` against a server here: Postfix's postmap and ours. */
import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test, type TestContext } from 'node:test'
import { askOurs, askPostfix, compareAll, compareKeys, KEYS, tableFiles } from './compare.ts'
import { freePort } from '../../support/ports.ts'
import { missing, service, until } from './services.ts'

/** Says something to a server and reads what comes back. */
function say(port: number, text: string): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(text))
    let said = ''
    socket.on('data', (chunk) => (said += chunk.toString()))
    socket.on('close', () => done(said))
    socket.on('error', failed)
  })
}

test('memcache: postmap says what Postfix says', { skip: missing('memcache', '/usr/bin/memcached') }, async (t) => {
  const cache = service(t, 'nobody')
  const port = await freePort()
  cache.start('/usr/bin/memcached', ['-l', '127.0.0.1', '-p', String(port), '-U', '0', '-m', '8'])
  await until('memcached', () =>
    say(port, 'version\r\n').then(
      (text) => text.startsWith('VERSION'),
      () => false,
    ),
  )
  const keys = KEYS.filter((key) => key !== '' && !/\s/.test(key))
  await say(
    port,
    keys.map((key) => `set ${key.toLowerCase()} 0 0 ${Buffer.byteLength(key)}\r\n${key}\r\n`).join('') +
      `set big 0 0 50\r\n${'x'.repeat(50)}\r\nset p:ana 0 0 3\r\npre\r\nset example.test:ana 0 0 3\r\ndom\r\n`,
  )
  const files = tableFiles(t)
  const at = `memcache = inet:127.0.0.1:${port}\nretry_pause = 1\n`
  const table = (name: string, lines: string): string => `memcache:${files.table(name, lines)}`
  files.table('backup', 'kept@example.test kept\n')
  const plain = table('plain.cf', at)
  const tables = [
    plain,
    table('prefix.cf', `${at}key_format = p:%s\n`),
    table('parts.cf', `${at}key_format = %d:%u\n`),
    table('domain.cf', `${at}domain = example.test\n`),
  ]
  const found = await compareKeys(files.path, tables, (text) => text)
  assert.ok(found > 50, `only ${found} keys were found`)
  await compareAll(files.path, [
    ['-q', 'big', table('limit.cf', `${at}data_size_limit = 40\n`)],
    ['-q', 'ana', table('away.cf', 'memcache = inet:127.0.0.1:1\n')],
    ['-q', 'ana', table('syntax.cf', `${at}ttl = soon\n`)],
    ['-q', 'ana', table('template.cf', `${at}key_format = %x\n`)],
    ['-s', plain],
    ['-i', plain],
    [plain],
    ['-q', 'ana', 'memcache:/nonexistent/file.cf'],
  ])
  // The backup's answer is in the cache afterwards, whoever asked.
  const backed = table('backup.cf', `${at}backup = texthash:${files.path}/backup\nkey_format = b:%s\n`)
  assert.equal((await askOurs(files.path, ['-q', 'kept@example.test', backed])).out, 'kept\n')
  assert.match(await say(port, 'get b:kept@example.test\r\n'), /^VALUE b:kept@example.test 0 4\r\nkept\r\n/)
  assert.equal((await askPostfix(files.path, ['-q', 'kept@example.test', backed])).out, 'kept\n')
  // Taken out by one, gone for the other.
  assert.equal((await askOurs(files.path, ['-d', 'ana', plain])).code, 0)
  assert.equal((await askPostfix(files.path, ['-q', 'ana', plain])).code, 1)
  assert.equal((await askPostfix(files.path, ['-d', 'example.test', plain])).code, 0)
  assert.equal((await askOurs(files.path, ['-q', 'example.test', plain])).code, 1)
})

/** A server that answers each chunk. */
async function server(t: TestContext, answer: (chunk: string) => string): Promise<number> {
  const listening = createServer((socket) => {
    socket.on('data', (chunk) => socket.write(answer(chunk.toString())))
    socket.on('error', () => {})
    t.after(() => socket.destroy())
  })
  await new Promise<void>((done) => listening.listen(0, '127.0.0.1', done))
  t.after(() => listening.close())
  const address = listening.address()
  assert.ok(address !== null && typeof address === 'object')
  return address.port
}

test('socketmap and tcp: postmap says what Postfix says', { skip: missing('socketmap') }, async (t) => {
  const netstring = (text: string): string => `${Buffer.byteLength(text)}:${text},`
  const socketmap = await server(t, (chunk) => {
    const key = chunk.slice(chunk.indexOf(' ') + 1, -1)
    if (key === 'ana') return netstring('TEMP try later')
    return netstring(key.includes('@') ? `OK <${key}>` : 'NOTFOUND ')
  })
  const tcp = await server(t, (chunk) => (chunk.includes('@') ? `200 ${chunk.slice(4, -1)}\n` : '500 none\n'))
  const files = tableFiles(t)
  const keys = KEYS.filter((key) => key !== 'ana')
  const tables = [`socketmap:inet:127.0.0.1:${socketmap}:map`, `tcp:127.0.0.1:${tcp}`]
  const found = await compareKeys(files.path, tables, (text) => text, keys)
  assert.ok(found > 30, `only ${found} keys were found`)
  await compareAll(files.path, [
    ['-q', 'ana', tables[0] ?? ''],
    ['-q', 'ana', 'socketmap:inet:127.0.0.1:1:map'],
    ['-q', 'ana', `socketmap:unix:${files.path}/none:map`],
    ['-q', 'ana', 'socketmap:nothing'],
    ['-q', 'ana', 'socketmap:unix:/x'],
    ...tables.flatMap((table) => [
      ['-s', table],
      ['-d', 'x', table],
    ]),
  ])
})
