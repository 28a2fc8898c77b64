/** Getting and renewing certificates: when, how often after failures, and what is kept meanwhile. */
import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { listen, manualClock } from '#src/base/mod.ts'
import { type Config, makeRegistry, parseConfig } from '#src/io/config/mod.ts'
import { AcmeAuthority } from '../support/acme-authority.ts'
import { CertificateKeeper } from '#src/main/certificates/keeper.ts'
import { acmeParams } from '#src/main/certificates/params.ts'
import { brought } from '#src/main/certificates/settings.ts'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000

const MAIN_CF = `myhostname = mail.example.test
acme_directory = https://ca.test/dir
acme_agree_to_terms = yes
acme_http_listen = 127.0.0.1:0
`

const configOf = (more = ''): Config => parseConfig(MAIN_CF + more, makeRegistry(acmeParams))

interface World {
  readonly authority: AcmeAuthority
  readonly directory: string
  readonly clock: ReturnType<typeof manualClock>
  readonly keeper: CertificateKeeper
  readonly taken: string[]
  readonly serial: () => string | undefined
  config: Config
}

function worldOf(t: TestContext, mainCf = ''): World {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-acme-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const authority = new AcmeAuthority(t)
  const clock = manualClock(Date.now())
  const taken: string[] = []
  const serial = (): string | undefined => brought(directory)?.leaf.serialNumber
  const world = { authority, directory, clock, taken, serial, config: configOf(mainCf) }
  const keeper = new CertificateKeeper({
    config: () => world.config,
    directory,
    clock,
    send: authority.send,
    random: () => 0,
    sleep: () => Promise.resolve(),
    onCertificate: () => Promise.resolve(void taken.push(serial() ?? '')),
  })
  t.after(() => keeper.stop())
  return Object.assign(world, { keeper })
}

test('the first certificate is got at once, and the next when two thirds of its life are over', async (t) => {
  const { authority, clock, keeper, taken } = worldOf(t)
  await keeper.look()
  assert.equal(taken.length, 1)
  clock.advance(59 * DAY_MS)
  await keeper.look()
  assert.equal(taken.length, 1)
  clock.advance(2 * DAY_MS)
  await keeper.look()
  assert.equal(taken.length, 2)
  assert.notEqual(taken[0], taken[1])
  assert.equal(authority.replaces, undefined) // it has no renewal information
})

test('each failure waits twice as long, and nothing is asked meanwhile', async (t) => {
  const { authority, clock, keeper, taken } = worldOf(t)
  authority.mood.fails = (path) => (path === '/order' ? { status: 500 } : undefined)
  const waits: number[] = []
  for (let n = 0; n < 10; n++) {
    await keeper.look()
    const { nextMs = 0, failures } = keeper.status() ?? { failures: 0 }
    assert.equal(failures, n + 1)
    waits.push((nextMs - clock.now()) / MINUTE_MS)
    const before = authority.asked.length
    clock.advance(nextMs - clock.now() - 1)
    await keeper.look()
    assert.equal(authority.asked.length, before)
    clock.advance(1)
  }
  assert.deepEqual(waits, [10, 20, 40, 80, 160, 320, 640, 1280, 1440, 1440])
  assert.match(keeper.status()?.error ?? '', /^serverInternal/)
  authority.mood.fails = () => undefined
  await keeper.look()
  assert.equal(taken.length, 1)
  assert.equal(keeper.status()?.failures, 0)
})

test('an authority that is asked too often is left alone for as long as it says, even where somebody insists', async (t) => {
  const { authority, clock, keeper } = worldOf(t)
  authority.mood.fails = (path) =>
    path === '/order' ? { status: 429, type: 'rateLimited', detail: 'too many', retryAfter: '86400' } : undefined
  assert.equal(await keeper.force(), 'rateLimited: too many')
  const before = authority.asked.length
  assert.match((await keeper.force()) ?? '', /no request before/)
  clock.advance(DAY_MS - 1)
  await keeper.look()
  assert.equal(authority.asked.length, before)
  authority.mood.fails = () => undefined
  clock.advance(1)
  await keeper.look()
  assert.ok(keeper.status()?.certificate)
})

test('a request whose nonce is stale is said again, nine times at the most', async (t) => {
  const { authority, keeper, serial } = worldOf(t)
  authority.mood.staleNonces = 9
  assert.equal(await keeper.force(), undefined)
  const first = serial()
  authority.mood.staleNonces = 10
  assert.equal(await keeper.force(), 'badNonce: stale')
  assert.equal(serial(), first)
})

test('an order that becomes invalid says why, and the certificate that was there stays', async (t) => {
  const { authority, keeper, serial } = worldOf(t)
  await keeper.look()
  const first = serial()
  authority.mood.invalid = 'CAA forbids\nit'
  assert.equal(await keeper.force(), 'caa: CAA forbids it')
  assert.equal(serial(), first)
  assert.equal(keeper.status()?.failures, 1)
})

test('a time that the authority suggests counts, and the order says what is replaced', async (t) => {
  const { authority, clock, keeper, taken } = worldOf(t)
  const at = (days: number): string => new Date(clock.now() + days * DAY_MS).toISOString()
  authority.mood.window = { start: at(10), end: at(11) }
  await keeper.look()
  await keeper.look() // asks when
  assert.equal(keeper.status()?.suggested, true)
  clock.advance(9 * DAY_MS)
  await keeper.look()
  assert.equal(taken.length, 1)
  clock.advance(DAY_MS + MINUTE_MS)
  await keeper.look()
  assert.equal(taken.length, 2)
  assert.match(String(authority.replaces), /^[\w-]{27}\.[\w-]+$/)
  const asked = authority.asked.filter((path) => path.startsWith('/renewal/')).length
  authority.mood.window = { start: at(-2), end: at(-1) } // at once: it was revoked
  for (let n = 0; n < 5; n++) await keeper.look()
  assert.equal(authority.asked.filter((path) => path.startsWith('/renewal/')).length, asked + 1)
  assert.equal(taken.length, 2) // even that is not done time and again
  clock.advance(60 * MINUTE_MS)
  for (let n = 0; n < 5; n++) await keeper.look()
  assert.equal(taken.length, 3)
})

test('other settings are tried at once, and nothing is asked where ACME is not switched on', async (t) => {
  const world = worldOf(t)
  const { authority, keeper } = world
  for (const off of ['acme_agree_to_terms = no\n', 'acme_directory =\n']) {
    world.config = configOf(off)
    await keeper.look()
    assert.match((await keeper.force()) ?? '', /not switched on/)
  }
  assert.deepEqual(authority.asked, [])
  world.config = configOf('acme_domains = mail.example.test, 192.0.2.1\n')
  await keeper.look()
  assert.match(keeper.status()?.error ?? '', /acme_domains: no authority certifies 192\.0\.2\.1/)
  assert.deepEqual(authority.asked, [])
  world.config = configOf('acme_domains = $myhostname, other.example.test\n')
  await keeper.look()
  assert.equal(world.taken.length, 1)
  world.config = configOf('acme_domains = $myhostname, other.example.test\nacme_tls_listen = :444\n')
  await keeper.look()
  assert.equal(world.taken.length, 1)
  world.config = configOf('acme_domains = $myhostname, other.example.test\nacme_directory = https://ca.test/other\n')
  await keeper.look()
  assert.equal(world.taken.length, 2)
  assert.deepEqual(keeper.status()?.failures, 0)
  assert.match(readFileSync(keeper.status()?.certificate?.file ?? '', 'latin1'), /^-----BEGIN PRIVATE KEY-----/)
})

test('a directory that leads away from https is not followed', async (t) => {
  const { authority, keeper } = worldOf(t, 'acme_directory = http://ca.test/dir\n')
  await keeper.look()
  assert.match(keeper.status()?.error ?? '', /no https URL/)
  assert.deepEqual(authority.asked, [])
})

test('acme_contact and acme_external_account_file: what the authority learns of us', async (t) => {
  const { authority, keeper, directory } = worldOf(t, 'acme_contact = postmaster@example.test, ana@example.test\n')
  await keeper.look()
  assert.deepEqual(authority.account['contact'], ['mailto:postmaster@example.test', 'mailto:ana@example.test'])
  assert.equal(authority.account['externalAccountBinding'], undefined)

  const file = join(directory, 'external')
  const world = worldOf(t)
  world.authority.mood.needsExternal = true
  assert.match((await world.keeper.force()) ?? '', /wants an account of its own .*acme_external_account_file/)
  const hmacKey = randomBytes(32)
  writeFileSync(file, `kid-1 ${hmacKey.toString('base64url')}\n`)
  world.config = configOf(`acme_external_account_file = ${file}\n`)
  assert.equal(await world.keeper.force(), undefined)
  const binding = world.authority.account['externalAccountBinding'] as Readonly<Record<string, string>>
  const { protected: head = '', payload = '', signature } = binding
  assert.equal(signature, createHmac('sha256', hmacKey).update(`${head}.${payload}`).digest('base64url'))
  const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString())
  assert.deepEqual(read(head), { alg: 'HS256', kid: 'kid-1', url: 'https://ca.test/account' })
  assert.equal((read(payload) as { crv: string }).crv, 'P-256')
  writeFileSync(file, 'kid-1\n')
  assert.match((await world.keeper.force()) ?? '', /has no key id and key/)
})

test('acme_challenge_directory: the answer lies there for as long as it is looked for, and no port is opened', async (t) => {
  const world = worldOf(t)
  const root = join(world.directory, 'www')
  world.config = configOf(`acme_challenge_directory = ${root}\nacme_http_listen = 192.0.2.1:1\n`)
  const file = join(root, '.well-known/acme-challenge/token-of-the-test')
  let found = ''
  world.authority.mood.onChallenge = () => (found = readFileSync(file, 'latin1'))
  assert.equal(await world.keeper.force(), undefined)
  assert.match(found, /^token-of-the-test\.[\w-]{43}$/)
  assert.equal(existsSync(file), false)
  world.config = configOf('acme_http_listen = 192.0.2.1:1\n')
  assert.match((await world.keeper.force()) ?? '', /^port 1, where the authority would look: /)
})

test('where nothing can be written no certificate is ordered, and the waits grow all the same', async (t) => {
  const { authority, directory, clock, keeper, taken } = worldOf(t)
  const said: string[] = []
  t.after(listen((event) => event.event === 'main.certificate' && 'text' in event && said.push(String(event.text))))
  const inTheWay = ['state.json.new', 'certificate.pem.new'].map((name) => join(directory, name))
  for (const path of inTheWay) mkdirSync(path)
  for (let n = 0; n < 5; n++) {
    await keeper.look()
    clock.advance(1000)
  }
  assert.deepEqual([authority.asked, taken], [[], []])
  assert.equal(said.length, 1, said.join('\n'))
  for (const path of inTheWay) rmdirSync(path)
  clock.advance(DAY_MS)
  await keeper.look()
  assert.equal(taken.length, 1)
  assert.equal(keeper.status()?.failures, 0)
})
