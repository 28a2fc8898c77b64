/** Guessing, bans, the ledger and sessions that are let go: with a clock of the test's own. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { type SaslBackend, startClientExchange, startExchange } from '../../formats/sasl/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import { type Db, openDatabase } from '../../io/db/mod.ts'
import { accountsSchema, createSaslBackend } from '../accounts/mod.ts'
import { StoredAccounts } from '../accounts/accounts.ts'
import { FailureCounters, Ledger, Logins, loginsParams, loginsSchema, parseNetwork, printNetwork } from './mod.ts'
import { hostOf, neighboursOf } from './networks.ts'
import { OpenSessions } from './open-sessions.ts'

const DEFAULTS: Settings<typeof loginsParams> = {
  login_failure_limit: 10,
  login_failure_network_limit: 50,
  login_failure_account_limit: 20,
  login_failure_window: 3_600_000,
  login_failure_delay: 0, // tests do not wait
  login_failure_max_delay: 16_000,
  login_ban_time: 900_000,
  login_ban_max_time: 86_400_000,
  login_ban_exceptions: [],
  login_connection_limit: 50,
  login_record_lifetime: 90 * 86_400_000,
}

async function setUp(t: TestContext, cf: Partial<typeof DEFAULTS> = {}) {
  const db: Db = openDatabase({ path: ':memory:', schemas: [accountsSchema, loginsSchema] })
  t.after(() => db.close())
  const clock = manualClock()
  const accounts = new StoredAccounts({
    db,
    key: Buffer.alloc(32, 7),
    defaultRealm: 'mail.example',
    isLocalDomain: () => false,
    families: ['scram-sha-256'],
    clock,
  })
  const ana = await accounts.add('ana', '', 'secreto')
  const settings = { ...DEFAULTS, ...cf }
  const memory = FailureCounters.memory()
  const thread = (): Logins => new Logins({ db, clock, memory, accounts: () => accounts, cf: () => settings })
  const logins = thread()
  t.after(() => logins.close())
  const backend = createSaslBackend(accounts, { service: 'imap' })
  /** One log-in by an address of its own connection; answers how it ended. */
  const logIn = async (address: string, name: string, password: string, by = logins): Promise<string> => {
    const visit = by
      .door('imap', settings, async (client) => client.address === '10.0.0.1')
      .visit(() => ({ address, tls: 'TLSv1.3' }))
    if (await visit.isBanned()) return 'turned away'
    const identity = await visit.watch(backend).verifyPassword(name, password)
    if (identity !== undefined) {
      visit.succeeded(identity, 'PLAIN', () => {})
      visit.left()
      return 'in'
    }
    return (await visit.failed('PLAIN', 'authentication failure')) ? 'banned' : 'refused'
  }
  return { db, clock, accounts, ana, logins, thread, backend, settings, logIn }
}

test('networks have one form each', () => {
  for (const [text, printed] of [
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/24', '192.0.2.0/24'],
    ['2001:DB8:0:0:1::/64', '2001:db8::/64'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::/0', '::/0'],
    ['192.0.2.7/33', undefined],
    ['host.example', undefined],
    ['192.0.2.7/', undefined],
    ['', undefined],
  ] as const) {
    const network = parseNetwork(text)
    assert.equal(network && printNetwork(network), printed, text)
  }
  assert.deepEqual([hostOf('192.0.2.7'), neighboursOf('192.0.2.7')], ['192.0.2.7', '192.0.2.0/24'])
  assert.deepEqual([hostOf('2001:db8::7'), neighboursOf('2001:db8::7')], ['2001:db8::/64', '2001:db8::/64'])
  assert.equal(hostOf(''), undefined)
})

test('counters know a pair again, leak, and keep to their size', () => {
  const clock = manualClock()
  const memory = FailureCounters.memory()
  const [one, other] = [
    new FailureCounters(memory, clock, () => 60_000),
    new FailureCounters(memory, clock, () => 60_000),
  ]
  const pair = one.pairOf('ana', 'x')
  assert.equal(pair, other.pairOf('ana', 'x'))
  assert.notEqual(pair, one.pairOf('an', 'ax'))
  assert.equal(one.count('a', { pair, weight: 1 }), 1)
  assert.equal(other.count('a', { pair, weight: 1 }), 1)
  assert.equal(other.count('a', { pair: pair + 1, weight: 0.25 }), 1.25)
  assert.equal(one.points('a'), 1.25)
  assert.equal(one.points('b'), 0)
  clock.advance(60_000)
  assert.equal(one.points('a'), 0.25)
  clock.advance(-120_000)
  assert.equal(one.points('a'), 1.25, 'a clock that was set back leaks nothing')
  // More keys than there is room for: whoever is counted most stays.
  for (let i = 0; i < 9; i++) one.count('attacker', { pair: i + 1, weight: 1 })
  for (let i = 0; i < 40_000; i++) one.count(`host ${i}`, { pair: 1, weight: 0.25 })
  assert.equal(one.points('attacker'), 9)
  one.forget('attacker')
  assert.equal(one.points('attacker'), 0)
})

test('different wrong passwords ban an address, in every thread; a repeated one does not', async (t) => {
  const { logIn, thread, clock, logins } = await setUp(t)
  for (let i = 0; i < 30; i++) assert.equal(await logIn('192.0.2.1', 'ana', 'old'), 'refused')
  for (let i = 1; i < 9; i++) assert.equal(await logIn('192.0.2.1', 'ana', `guess ${i}`), 'refused')
  assert.equal(await logIn('192.0.2.2', 'ana', 'x'), 'refused')
  assert.equal(await logIn('192.0.2.1', 'ana', 'guess 9'), 'banned')
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'turned away')
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto', thread()), 'turned away')
  assert.equal(await logIn('192.0.2.2', 'ana', 'secreto'), 'in', 'a neighbour is another')
  const [ban] = logins.bans.list()
  assert.deepEqual([ban?.network, ban?.times, ban?.reason], ['192.0.2.1', 1, '10 wrong log-ins, the last to imap'])
  clock.advance(900_000)
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'in')
  // The next one is longer.
  for (let i = 0; i < 39; i++) await logIn('192.0.2.1', 'nobody', `guess ${i}`)
  clock.advance(900_000)
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'turned away')
  clock.advance(900_000)
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'in')
})

test('a /64 is one address, a network of many guessers is banned, an exception never is', async (t) => {
  const { logIn, logins } = await setUp(t, { login_failure_network_limit: 12 })
  for (let i = 0; i < 10; i++) await logIn(`2001:db8::${i + 1}`, 'ana', `x${i}`)
  assert.equal(await logIn('2001:db8::ffff', 'ana', 'secreto'), 'turned away')
  for (let i = 0; i < 12; i++) await logIn(`198.51.100.${i}`, 'ana', `x${i}`)
  assert.equal(await logIn('198.51.100.200', 'ana', 'secreto'), 'turned away')
  assert.equal(await logIn('198.51.101.200', 'ana', 'secreto'), 'in')
  for (let i = 0; i < 30; i++) assert.equal(await logIn('10.0.0.1', 'ana', `x${i}`), 'refused')
  assert.deepEqual(
    logins.bans
      .list()
      .map(({ network }) => network)
      .toSorted(),
    ['198.51.100.0/24', '2001:db8::/64'],
  )
})

test('what says no password is no guess, and what cannot be asked locks nobody out', async (t) => {
  const { logins, settings, backend, db, logIn } = await setUp(t, { login_failure_limit: 3 })
  const visit = logins.door('smtp', settings, async () => false).visit(() => ({ address: '192.0.2.1', tls: undefined }))
  for (let i = 0; i < 9; i++) assert.equal(await visit.failed('PLAIN', 'bad protocol / cancel'), false)
  // An exchange that another server runs tells no name: each failure counts.
  for (const banned of [false, false, true]) assert.equal(await visit.failed('PLAIN', 'generic'), banned)
  const broken = logins.door('imap', settings, () => Promise.reject(new Error('no table')))
  const other = broken.visit(() => ({ address: '192.0.2.2', tls: undefined }))
  for (let i = 0; i < 3; i++) {
    assert.equal(await other.watch(backend).verifyPassword('ana', `x${i}`), undefined)
    await other.failed('PLAIN', 'authentication failure')
  }
  assert.equal(await other.isBanned(), true, 'a table that cannot be asked excuses nobody')
  await db.write((tx) => tx.sql('DROP TABLE ban').run())
  await db.write((tx) => tx.sql('UPDATE ban_version SET version = 99').run())
  assert.equal(await logIn('192.0.2.3', 'ana', 'secreto'), 'in')
})

test('failures leak away in login_failure_window, waits and bans are as long as their parameters', async (t) => {
  const cf = { login_failure_limit: 3, login_failure_window: 60_000, login_ban_time: 5000, login_ban_max_time: 7000 }
  const { logIn, clock } = await setUp(t, cf)
  for (const n of [1, 2]) assert.equal(await logIn('192.0.2.1', 'ana', `x${n}`), 'refused')
  clock.advance(40_000) // two leak in it
  for (const n of [3, 4]) assert.equal(await logIn('192.0.2.1', 'ana', `x${n}`), 'refused')
  assert.equal(await logIn('192.0.2.1', 'ana', 'x5'), 'banned')
  clock.advance(5000)
  for (const n of [6, 7]) assert.equal(await logIn('192.0.2.1', 'ana', `x${n}`), 'refused')
  assert.equal(await logIn('192.0.2.1', 'ana', 'x8'), 'banned')
  clock.advance(6999)
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'turned away')
  clock.advance(1)
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'in')
})

test('limits of 0 ban nobody, a lifetime of 0 records nothing', async (t) => {
  const off = { login_failure_limit: 0, login_failure_network_limit: 0, login_failure_account_limit: 0 }
  const { logIn, logins, ana } = await setUp(t, { ...off, login_record_lifetime: 0 })
  for (let i = 0; i < 60; i++) assert.equal(await logIn('192.0.2.1', 'ana', `x${i}`), 'refused')
  assert.equal(await logIn('192.0.2.1', 'ana', 'secreto'), 'in')
  await logins.ledger.flush()
  assert.deepEqual(logins.ledger.list(ana.id), [])
  assert.deepEqual(logins.bans.list(), [])
})

test('a token that has run out and a certificate of nobody count once', async (t) => {
  const { logins, settings, backend } = await setUp(t, { login_failure_limit: 4 })
  const visit = logins.door('imap', settings, async () => false).visit(() => ({ address: '192.0.2.1', tls: undefined }))
  const watched = visit.watch({
    ...backend,
    realm: '',
    external: async () => undefined,
    bearer: async () => ({ error: 'invalid_token' }),
  } as unknown as SaslBackend) // what is asked here is all there
  for (let i = 0; i < 9; i++) {
    await watched.bearer?.('old')
    assert.equal(await visit.failed('OAUTHBEARER', 'authentication failure'), false)
    await watched.external?.({} as Parameters<NonNullable<SaslBackend['external']>>[0]) // nobody looks at it
    assert.equal(await visit.failed('EXTERNAL', 'authentication failure'), false)
  }
  await watched.bearer?.('another')
  assert.equal(await visit.failed('OAUTHBEARER', 'authentication failure'), false)
  await watched.bearer?.('a third')
  assert.equal(await visit.failed('OAUTHBEARER', 'authentication failure'), true)
})

test('tokens count though their exchange is never ended, and a banned client’s are not looked at', async (t) => {
  const { logins, settings, backend } = await setUp(t, { login_failure_limit: 3 })
  const visit = logins.door('imap', settings, async () => false).visit(() => ({ address: '192.0.2.1', tls: undefined }))
  const heard: string[] = []
  const watched = visit.watch({
    ...backend,
    realm: '',
    bearer: async (token: string) => {
      heard.push(token)
      return { status: 'invalid_token' }
    },
  } as unknown as SaslBackend) // what is asked here is all there
  for (const token of ['a', 'b', 'c', 'd', 'e']) await watched.bearer?.(token)
  assert.deepEqual(heard, ['a', 'b', 'c', '', ''])
  assert.equal(await visit.isBanned(), true)
})

test('an operator bans, lifts, and names networks', async (t) => {
  const { logIn, logins, clock } = await setUp(t)
  await logins.bans.add('203.0.113.0/24', clock.now() + 1000, 'by hand')
  assert.equal(await logIn('203.0.113.9', 'ana', 'secreto'), 'turned away')
  assert.equal(await logins.bans.remove('203.0.113.0/24'), true)
  assert.equal(await logins.bans.remove('203.0.113.0/24'), false)
  assert.equal(await logIn('203.0.113.9', 'ana', 'secreto'), 'in')
})

test('who logged in from a place before is not slowed there, nor banned soon', async (t) => {
  const cf = {
    login_failure_delay: 40,
    login_failure_max_delay: 40,
    login_failure_account_limit: 5,
    login_failure_limit: 8,
  }
  const { logIn, clock } = await setUp(t, cf)
  const timed = async (work: Promise<string>): Promise<readonly [string, boolean]> => {
    const before = performance.now()
    return [await work, performance.now() - before >= 39]
  }
  await logIn('192.0.2.1', 'ana', 'secreto')
  for (let i = 0; i < 9; i++) await logIn(`198.51.${100 + i}.1`, 'ana', `guess ${i}`)
  assert.deepEqual(
    await timed(logIn('203.0.113.1', 'ana', 'secreto')),
    ['in', true],
    'a stranger waits, and is not locked out',
  )
  // Slowness of the machine may look like a wait: not always.
  const waits = new Set<boolean>()
  for (let i = 0; i < 5; i++) waits.add((await timed(logIn('192.0.2.1', 'ana', 'secreto')))[1])
  assert.ok(waits.has(false))
  for (let i = 0; i < 20; i++) assert.equal(await logIn('192.0.2.1', 'ana', `typo ${i}`), 'refused')
  clock.advance(1)
})

test('where no password is said, right and wrong are told after the same wait', async (t) => {
  const cf = { login_failure_delay: 40, login_failure_max_delay: 40, login_failure_account_limit: 5 }
  const { logIn, logins, settings, backend } = await setUp(t, cf)
  for (let i = 0; i < 9; i++) await logIn(`198.51.${100 + i}.1`, 'ana', `guess ${i}`)
  const visit = logins
    .door('imap', settings, async () => false)
    .visit(() => ({ address: '203.0.113.1', tls: undefined }))
  for (const password of ['secreto', 'wrong']) {
    const service = { service: 'imap', hostname: 'h', host: 'h' }
    const client = startClientExchange(['SCRAM-SHA-256'], { username: 'ana', password }, service)
    const inner = startExchange('SCRAM-SHA-256', visit.watch(backend), service)
    assert.ok(client && inner)
    const server = visit.slow(inner)
    let step = await server.step(client.initial)
    assert.ok(step.state === 'continue')
    const before = performance.now()
    step = await server.step(await client.step(step.challenge))
    assert.equal(step.state, password === 'secreto' ? 'done' : 'failed')
    assert.ok(performance.now() - before >= 39, password)
  }
})

test('the ledger tells what came when, from where, by which password; what is alike in a day is one row', async (t) => {
  const { logIn, logins, accounts, ana, clock, db } = await setUp(t)
  const password = await accounts.appPasswords.add(ana, { name: 'phone', scopes: ['imap'], expiresMs: undefined })
  for (let i = 0; i < 3; i++) await logIn('192.0.2.1', 'ana', 'secreto')
  clock.advance(60_000)
  await logIn('192.0.2.1', 'ana', password)
  await logIn('192.0.2.9', 'ana', 'wrong')
  await logIn('192.0.2.9', 'nobody', 'wrong')
  assert.equal(logins.ledger.list(ana.id).length, 0, 'nothing is written at the log-in')
  await logins.ledger.flush()
  const told = logins.ledger
    .list(ana.id)
    .map((one) => [
      one.succeeded,
      one.address,
      one.password,
      one.count,
      one.service,
      one.mechanism,
      one.tls,
      one.lastMs - one.firstMs,
    ])
  assert.deepEqual(
    new Set(told.map(String)),
    new Set([
      'true,192.0.2.1,,3,imap,PLAIN,TLSv1.3,0',
      'true,192.0.2.1,phone,1,imap,PLAIN,TLSv1.3,0',
      'false,192.0.2.9,,1,imap,PLAIN,TLSv1.3,0',
    ]),
  )
  const [phone] = accounts.appPasswords.list(ana.id)
  assert.equal(phone?.usedMs, clock.now())
  clock.advance(3_000_000)
  await logIn('192.0.2.1', 'ana', password)
  await logins.ledger.flush()
  assert.equal(accounts.appPasswords.list(ana.id)[0]?.usedMs, phone?.usedMs, 'known to the hour')
  // Bounded, and strangers do not push out the owner's.
  const ledger = new Ledger(db, clock, () => DEFAULTS.login_record_lifetime)
  const stranger = {
    account: ana.id,
    succeeded: false,
    service: 'imap',
    network: 'n',
    mechanism: 'PLAIN',
    tls: '',
    password: '',
  } as const
  for (let i = 0; i < 700; i++) ledger.add({ ...stranger, address: `a${i}` })
  await ledger.flush()
  const rows = ledger.list(ana.id)
  assert.deepEqual([rows.filter((one) => !one.succeeded).length, rows.filter((one) => one.succeeded).length], [500, 2])
  const eva = await accounts.add('eva', '', 'x')
  ledger.add({ ...stranger, account: eva.id, address: 'old' })
  await ledger.flush()
  clock.advance(91 * 86_400_000)
  ledger.add({ ...stranger, address: 'late' })
  await ledger.flush()
  assert.deepEqual(
    ledger
      .list(ana.id)
      .filter((one) => !one.succeeded)
      .map(({ address }) => address),
    ['late'],
  )
  for (let i = 0; i < 3; i++) {
    ledger.add({ ...stranger, address: 'late' })
    await ledger.flush()
  }
  assert.deepEqual(ledger.list(eva.id), [])
})

test('sessions end with their account and their application password, and others stay', async (t) => {
  const { accounts, ana, clock } = await setUp(t)
  await accounts.appPasswords.add(ana, { name: 'a', scopes: ['imap'], expiresMs: undefined })
  await accounts.appPasswords.add(ana, { name: 'b', scopes: ['imap'], expiresMs: clock.now() + 5000 })
  const [a, b] = accounts.appPasswords.list(ana.id)
  const open = new OpenSessions(() => accounts)
  const ended: string[] = []
  const leave = (['own', 'a', 'b'] as const).map((name) =>
    open.add({
      account: ana.id,
      appPassword: name === 'own' ? undefined : (name === 'a' ? a : b)?.id,
      end: () => ended.push(name),
    }),
  )
  open.look()
  assert.deepEqual(ended, [])
  await accounts.appPasswords.remove(ana.id, 'a')
  open.look()
  assert.deepEqual(ended, ['a'])
  clock.advance(5000)
  for (let i = 0; i < 10; i++) open.look()
  assert.deepEqual(ended, ['a', 'b'])
  await accounts.setDisabled(ana.id, true)
  open.look()
  assert.deepEqual(ended, ['a', 'b', 'own'])
  for (const done of leave) done()
})

test('whoever hung up before the log-in was through is no session', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { accounts, ana, logins, settings } = await setUp(t)
  const letGo: string[] = []
  const visit = (name: string): { hangUp: () => void; enter: () => void } => {
    const made = logins
      .door('smtp', settings, async () => false)
      .visit(() => ({ address: '192.0.2.1', tls: undefined }))
    const enter = (): void => made.succeeded({ accountId: ana.id, username: 'ana' }, 'PLAIN', () => letGo.push(name))
    return { hangUp: () => made.gone(), enter }
  }
  const [early, late, staying] = [visit('early'), visit('late'), visit('staying')]
  early.hangUp()
  for (const one of [early, late, staying]) one.enter()
  late.hangUp()
  await accounts.setDisabled(ana.id, true)
  t.mock.timers.tick(1000)
  assert.deepEqual(letGo, ['staying'])
})

test('a ban is longer each time, up to a bound, until a week has passed', async (t) => {
  const { logins, clock, thread } = await setUp(t)
  const times = { firstMs: 1000, mostMs: 3500 }
  const lengths: (number | undefined)[] = []
  for (let i = 0; i < 4; i++) {
    lengths.push(await logins.bans.punish('192.0.2.1', times, 'x'))
    assert.equal(await logins.bans.punish('192.0.2.1', times, 'x'), undefined, 'it is banned already')
    clock.advance(3500)
  }
  assert.deepEqual(lengths, [1000, 2000, 3500, 3500])
  clock.advance(8 * 86_400_000)
  assert.equal(await thread().bans.punish('192.0.2.1', times, 'x'), 1000)
})
