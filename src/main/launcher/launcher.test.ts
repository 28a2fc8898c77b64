/** The launcher answers what it is there for, and refuses everything else. */
import assert from 'node:assert/strict'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex } from 'node:stream'
import { test, type TestContext } from 'node:test'
import { userByName } from './system.ts'
import { Answerer } from './answers.ts'
import { serveRequests } from './channel.ts'
import { LauncherClient } from './client.ts'
import { frame, FrameReader, unpackAnswer } from './frames.ts'

const SKIP = { skip: process.getuid?.() === 0 ? false : 'acts as other users: needs root' }

/** Two ends of one pipe. */
function pipePair(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  const end = (other: number): Duplex =>
    new Duplex({
      read() {},
      write(chunk: Buffer, _, done) {
        ends[other]?.push(chunk)
        done()
      },
      destroy(error, done) {
        ends[other]?.destroy()
        done(error)
      },
    })
  const pair: [Duplex, Duplex] = [end(1), end(0)]
  ends.push(...pair)
  return pair
}

interface World {
  readonly dir: string
  readonly server: Duplex
}

function world(t: TestContext, mainCf = '', ownerUid = 4_000_000): World {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-launcher-'))
  chmodSync(dir, 0o755)
  writeFileSync(join(dir, 'main.cf'), mainCf)
  const [launcher, server] = pipePair()
  serveRequests(launcher, new Answerer({ directory: dir, ownerUid, nowMs: Date.now }), () => {})
  t.after(() => {
    server.destroy()
    rmSync(dir, { recursive: true })
  })
  return { dir, server }
}

/** What the launcher says to octets that are called a request. */
function rawly({ server }: World, request: string): Promise<string> {
  const reader = new FrameReader(1024 * 1024)
  return new Promise((resolve) => {
    server.on('data', (chunk: Buffer) => {
      for (const { kind, payload } of reader.push(chunk))
        if (kind === 'answer') resolve(JSON.stringify(unpackAnswer(payload).facts))
    })
    server.on('close', () => resolve('closed'))
    server.write(frame(7, 'request', Buffer.from(request)))
  })
}

const run = (words: object): string =>
  JSON.stringify({
    ask: 'run',
    uid: 65_534,
    gid: 65_534,
    argv: ['/bin/true'],
    env: {},
    cwd: '/',
    timeLimitMs: 1000,
    outputLimit: 100,
    stdoutOnly: false,
    ...words,
  })

const refusals: readonly (readonly [name: string, request: string, error: string])[] = [
  ['no JSON', 'hello', 'not a request'],
  ['an array', '[]', 'not a request'],
  ['a request that there is not', '{"ask":"chown","path":"/etc/shadow"}', 'unknown request'],
  ['a word too many', run({ shell: true }), 'unknown word in the request: shell'],
  ['root', run({ uid: 0 }), 'commands are never run as root'],
  ["root's group", run({ gid: 0 }), 'commands are never run as root'],
  ['the mail owner', run({ uid: 4_000_000 }), 'commands are never run as the mail owner'],
  ['a number that nobody has', run({ uid: 3_999_999 }), 'no user has the id 3999999'],
  ['a group of others', run({ gid: 1 }), 'nobody is not of group id 1'],
  ['a negative number', run({ uid: -1 }), 'bad uid'],
  ['(uid_t) -1', run({ uid: 0xffff_ffff }), 'bad uid'],
  ['a number as text', run({ uid: '65534' }), 'bad uid'],
  ['no command', run({ argv: [] }), 'bad argv'],
  ['NUL in a word', run({ argv: ['/bin/true', 'a\0b'] }), 'bad argv'],
  ['a relative directory', run({ cwd: 'etc' }), 'bad cwd'],
  ['steps back', run({ cwd: '/tmp/../root' }), 'bad cwd'],
  ['an odd name in the environment', run({ env: { 'A=B': 'c' } }), 'bad env'],
  ['no end of time', run({ timeLimitMs: 1e12 }), 'bad timeLimitMs'],
  ['a file that main.cf does not name', '{"ask":"read","path":"/etc/shadow"}', '/etc/shadow is no configured file'],
  ['a file with steps back', '{"ask":"read","path":"/etc/ssl/../shadow"}', 'bad path'],
  ['a password that is none', '{"ask":"password","user":"nobody","password":7}', 'bad password'],
]

for (const [name, request, error] of refusals) {
  test(`the launcher refuses ${name}`, SKIP, async (t) => {
    assert.equal(await rawly(world(t), request), JSON.stringify({ ok: false, error, refused: true }))
  })
}

test('what is no frame closes the pipe', SKIP, async (t) => {
  const one = world(t)
  const closed = new Promise((resolve) => one.server.on('close', resolve))
  one.server.write(Buffer.from('\xff\xff\xff\xffGET / HTTP/1.1', 'latin1'))
  await closed
})

test('a command runs as its user and gets the message whole', SKIP, async (t) => {
  const client = new LauncherClient(world(t).server)
  const nobody = await userByName('nobody')
  assert.ok(nobody)
  const piece = Buffer.alloc(300_000, 'x')
  const end = await client.run({
    uid: nobody.uid,
    gid: nobody.gid,
    argv: ['/bin/sh', '-c', 'id -u; id -g; id -G; wc -c; echo $NAME; pwd; exit 3'],
    env: { PATH: '/usr/bin:/bin', NAME: 'value' },
    cwd: '/tmp',
    input: [piece, piece, piece],
    timeLimitMs: 5000,
  })
  assert.ok(end.ended === 'exited')
  assert.equal(end.status, 3)
  assert.equal(end.output.toString(), `${nobody.uid}\n${nobody.gid}\n${nobody.gid}\n900000\nvalue\n/tmp\n`)
})

test('a time limit ends the command and what it started', SKIP, async (t) => {
  const client = new LauncherClient(world(t).server)
  const nobody = await userByName('nobody')
  assert.ok(nobody)
  const request = { uid: nobody.uid, gid: nobody.gid, env: { PATH: '/bin' }, cwd: '/', input: [], timeLimitMs: 100 }
  assert.equal((await client.run({ ...request, argv: ['/bin/sh', '-c', 'sleep 20 & sleep 20'] })).ended, 'timeout')
})

test('a key that only root may read is handed over when main.cf names it, and not before', SKIP, async (t) => {
  const one = world(t)
  const key = join(one.dir, 'key.pem')
  writeFileSync(key, 'secret', { mode: 0o600 })
  const client = new LauncherClient(one.server)
  await assert.rejects(client.read(key), /is no configured file/)
  writeFileSync(join(one.dir, 'main.cf'), `smtpd_tls_key_file = $config_directory/key.pem\n`)
  assert.equal(await client.read(key), 'secret')
  writeFileSync(join(one.dir, 'main.cf'), `smtpd_tls_key_file = ${one.dir}\n`)
  await assert.rejects(client.read(one.dir), /is no file of a fitting size/)
})

test('the group of the mail spool is allowed where main.cf keeps mail there, and only then', SKIP, async (t) => {
  const spool = mkdtempSync(join(tmpdir(), 'postigo-spool-'))
  t.after(() => rmSync(spool, { recursive: true }))
  chmodSync(spool, 0o775)
  chownSync(spool, 0, 8)
  const request = run({ gid: 8 })
  const refused = JSON.stringify({ ok: false, error: 'nobody is not of group id 8', refused: true })
  assert.equal(await rawly(world(t), request), refused)
  const ended = { ok: true, ended: 'exited', status: 0 }
  assert.equal(await rawly(world(t, `mail_spool_directory = ${spool}\n`), request), JSON.stringify(ended))
  chmodSync(spool, 0o755)
  assert.equal(await rawly(world(t, `mail_spool_directory = ${spool}\n`), request), refused)
})
