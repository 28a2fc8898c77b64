import assert from 'node:assert/strict'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { mechanismsBy, scramKeys } from '../../formats/sasl/mod.ts'
import type { AccountFault } from './contract.ts'
import { AccountError } from './errors.ts'
import { testAccounts, temporaryDirectory } from './test-accounts.ts'

const fault =
  (wanted: AccountFault) =>
  (thrown: unknown): boolean =>
    thrown instanceof AccountError && thrown.fault === wanted

test('an account of this host logs in by every name it has, in any case', async (t) => {
  const accounts = testAccounts(t)
  const usuario = await accounts.add('Usuario', '', 'secreto')
  assert.deepEqual(usuario, {
    id: 1,
    localPart: 'usuario',
    domain: '',
    realm: 'mail.midominio.com',
    disabled: false,
    quotaOctets: 0,
    quotaMessages: 0,
    quotaMailboxes: 0,
  })
  for (const name of [
    'usuario',
    'USUARIO',
    'usuario@mail.midominio.com',
    'usuario@MiDominio.com',
    'usuario@dominio.virtual',
    'usuario@dominio.virtual.',
  ])
    assert.deepEqual(accounts.byLogin(name), usuario, name)
  for (const realm of ['', 'mail.midominio.com', 'dominio.virtual'])
    assert.deepEqual(accounts.byLogin('usuario', realm), usuario, realm)
})

const nobody = ['', '@', 'nadie', 'usuario@otro.example', '\0', '\ud800', 'x'.repeat(5000), "' OR 1=1 --"]
for (const name of nobody)
  test(`${JSON.stringify(name.slice(0, 20))} logs in as nobody`, async (t) => {
    const accounts = testAccounts(t)
    await accounts.add('usuario', '', 'secreto')
    assert.equal(accounts.byLogin(name), undefined)
    const credential = accounts.credential(name)
    assert.equal(credential.account, undefined)
    assert.equal(await credential.verify('secreto'), false)
  })

test('an account of a hosted domain logs in with its domain', async (t) => {
  const accounts = testAccounts(t)
  await assert.rejects(accounts.add('ana', 'virtual.example', 'secreto'), fault('no-such-domain'))
  await accounts.addDomain('Virtual.Example')
  const ana = await accounts.add('ana', 'VIRTUAL.example', 'secreto', { quotaOctets: 1000 })
  assert.equal(ana.realm, 'virtual.example')
  assert.equal(ana.quotaOctets, 1000)
  assert.deepEqual(accounts.byLogin('ana@virtual.example'), ana)
  assert.deepEqual(accounts.byLogin('ana', 'virtual.example'), ana)
  assert.equal(accounts.byLogin('ana'), undefined)
  assert.equal(accounts.byLogin('ana@midominio.com'), undefined)
})

test('mail finds accounts by domain, disabled ones too', async (t) => {
  const accounts = testAccounts(t)
  const usuario = await accounts.add('usuario', '', 'secreto')
  await accounts.addDomain('virtual.example')
  const ana = await accounts.add('ana', 'virtual.example', 'secreto')
  assert.deepEqual(accounts.recipient('USUARIO', ''), usuario)
  assert.deepEqual(accounts.recipient('Ana', 'Virtual.example'), ana)
  assert.equal(accounts.recipient('ana', ''), undefined)
  assert.equal(accounts.recipient('usuario', 'virtual.example'), undefined)
  await accounts.setDisabled(ana.id, true)
  assert.equal(accounts.recipient('ana', 'virtual.example')?.id, ana.id)
  assert.equal(accounts.byLogin('ana@virtual.example'), undefined)
  assert.equal(accounts.find('ana@virtual.example')?.disabled, true)
  await accounts.setDisabled(ana.id, false)
  assert.equal(accounts.byLogin('ana@virtual.example')?.id, ana.id)
})

test('a realm that is not hosted can log in and gets no mail', async (t) => {
  const accounts = testAccounts(t)
  const eva = await accounts.add('eva', 'otro.example', 'secreto', { realmOnly: true })
  assert.deepEqual(accounts.byLogin('eva@otro.example'), eva)
  assert.equal(accounts.recipient('eva', 'otro.example'), undefined)
  await accounts.addDomain('otro.example')
  assert.deepEqual(accounts.recipient('eva', 'otro.example'), eva)
})

test('what cannot be done says why', async (t) => {
  const accounts = testAccounts(t)
  const usuario = await accounts.add('usuario', '', 'secreto')
  await assert.rejects(accounts.add('USUARIO', 'midominio.com', 'x'), fault('exists'))
  await assert.rejects(accounts.add('a b', '', 'x'), fault('bad-address'))
  await assert.rejects(accounts.add('ana', 'a b', 'x'), fault('bad-address'))
  await assert.rejects(accounts.add('ana', '', ''), fault('bad-password'))
  await assert.rejects(accounts.addDomain('midominio.com'), fault('local-domain'))
  await assert.rejects(accounts.removeDomain('virtual.example'), fault('no-such-domain'))
  await accounts.addDomain('virtual.example')
  await assert.rejects(accounts.addDomain('virtual.example'), fault('exists'))
  await accounts.add('ana', 'virtual.example', 'secreto')
  await assert.rejects(accounts.removeDomain('virtual.example'), fault('domain-in-use'))
  await accounts.remove(usuario.id)
  for (const change of [
    accounts.remove(usuario.id),
    accounts.setDisabled(usuario.id, true),
    accounts.setPassword(usuario.id, 'x'),
  ])
    await assert.rejects(change, fault('no-such-account'))
  assert.deepEqual(
    accounts.list().map(({ localPart, domain }) => `${localPart}@${domain}`),
    ['ana@virtual.example'],
  )
  assert.deepEqual(accounts.domains(), ['virtual.example'])
})

test('without its password an account stays and cannot log in', async (t) => {
  const accounts = testAccounts(t)
  const ana = await accounts.add('ana', '', 'secreto')
  assert.deepEqual(accounts.withPassword(), [ana])
  assert.equal(await accounts.credential('ana').verify('secreto'), true)
  await accounts.removePassword(ana.id)
  assert.deepEqual(accounts.withPassword(), [])
  assert.equal(await accounts.credential('ana').verify('secreto'), false)
  assert.deepEqual(accounts.recipient('ana', ''), ana)
  await accounts.setPassword(ana.id, 'secreto')
  assert.equal(await accounts.credential('ana').verify('secreto'), true)
})

test('an id is never given twice', async (t) => {
  const accounts = testAccounts(t)
  const first = await accounts.add('ana', '', 'secreto')
  await accounts.remove(first.id)
  const second = await accounts.add('ana', '', 'secreto')
  assert.notEqual(second.id, first.id)
})

test('a domain that mydestination names later keeps its accounts', async (t) => {
  const path = join(temporaryDirectory(t), 'mail.db')
  const before = testAccounts(t, { path, isLocalDomain: () => false })
  await before.addDomain('midominio.com')
  const ana = await before.add('ana', 'midominio.com', 'secreto')
  assert.equal(testAccounts(t, { path }).byLogin('ana@midominio.com')?.id, ana.id)
})

test('changes of another connection take effect within milliseconds', async (t) => {
  const path = join(temporaryDirectory(t), 'mail.db')
  const [server, tool] = [testAccounts(t, { path }), testAccounts(t, { path })]
  const soon = (): Promise<void> => sleep(20) // a command line takes longer to end
  assert.equal(server.byLogin('ana'), undefined)
  assert.equal(server.hostsDomain('virtual.example'), false)
  const ana = await tool.add('ana', '', 'uno')
  await tool.addDomain('virtual.example')
  await soon()
  assert.equal(server.hostsDomain('virtual.example'), true)
  assert.equal(server.byLogin('ana')?.id, ana.id)
  assert.equal(await server.credential('ana').verify('uno'), true)
  await tool.setPassword(ana.id, 'dos')
  await soon()
  assert.equal(await server.credential('ana').verify('uno'), false)
  assert.equal(await server.credential('ana').verify('dos'), true)
  await tool.setDisabled(ana.id, true)
  await soon()
  assert.equal(await server.credential('ana').verify('dos'), false)
  await tool.remove(ana.id)
  await soon()
  assert.equal(server.byId(ana.id), undefined)
})

test('a password found right is remembered for five minutes', async (t) => {
  const clock = manualClock()
  const accounts = testAccounts(t, { clock })
  await accounts.add('ana', '', 'secreto')
  const took = async (password: string): Promise<number> => {
    const from = performance.now()
    await accounts.credential('ana').verify(password)
    return performance.now() - from
  }
  await took('secreto')
  const remembered = Math.min(await took('secreto'), await took('secreto'), await took('secreto'))
  const wrong = Math.min(await took('otro'), await took('otro'), await took('otro'))
  assert.ok(remembered * 2 < wrong, `remembered ${remembered} ms, wrong ${wrong} ms`)
  clock.advance(5 * 60_000 + 1)
  assert.ok((await took('secreto')) > remembered * 2)
})

test('a decoy is the same for all forms of an unknown name, and looks like an account', async (t) => {
  const accounts = testAccounts(t)
  await accounts.add('ana', '', 'secreto')
  const salt = (name: string): string => accounts.credential(name).scram('sha-256').salt.toString('hex')
  for (const name of ['ana', 'nadie']) {
    assert.equal(salt(name), salt(`${name}@midominio.com`))
    assert.equal(salt(name), salt(`${name.toUpperCase()}@mail.midominio.com`))
  }
  assert.notEqual(salt('nadie'), salt('nadie2'))
  const [known, unknown] = [accounts.credential('ana'), accounts.credential('nadie')]
  for (const hash of ['sha-1', 'sha-256'] as const) {
    const [a, b] = [known.scram(hash), unknown.scram(hash)]
    assert.equal(a.iterations, b.iterations)
    assert.equal(a.salt.length, b.salt.length)
    assert.equal(a.storedKey.length, b.storedKey.length)
  }
  assert.equal(unknown.digestMd5('nadie', 'mail.midominio.com')[0]?.length, 16)
  assert.equal(unknown.cramMd5(Buffer.from('<x>'))[0]?.length, 16)
})

test('a mechanism is offered while every account can do it', async (t) => {
  const path = join(temporaryDirectory(t), 'mail.db')
  assert.deepEqual([...testAccounts(t, { path }).mechanisms()], mechanismsBy('password'))
  const plainOnly = testAccounts(t, { path, families: ['argon2id'] })
  assert.deepEqual([...plainOnly.mechanisms()], ['PLAIN', 'LOGIN'])
  const ana = await plainOnly.add('ana', '', 'secreto')
  const usual = testAccounts(t, { path })
  assert.deepEqual([...usual.mechanisms()], ['PLAIN', 'LOGIN'])
  assert.equal(await usual.credential('ana').verify('secreto'), true)
  await usual.setPassword(ana.id, 'secreto')
  assert.deepEqual([...usual.mechanisms()], mechanismsBy('password'))
  // DIGEST-MD5's hashes hold the realm: under another one they are no use.
  const renamed = testAccounts(t, { path, defaultRealm: 'otro.midominio.com' })
  assert.deepEqual(
    [...renamed.mechanisms()],
    mechanismsBy('password').filter((name) => name !== 'DIGEST-MD5'),
  )
})

test('passwords sealed under another key stop the start', async (t) => {
  const path = join(temporaryDirectory(t), 'mail.db')
  await testAccounts(t, { path }).add('ana', '', 'secreto')
  assert.throws(() => testAccounts(t, { path, key: Buffer.alloc(32, 8) }), fault('wrong-key'))
})

test('a foreign hash is enough for plain log-ins, and is replaced when the password is heard', async (t) => {
  const accounts = testAccounts(t)
  const all = accounts.mechanisms()
  const hash = { text: '{SHA256}gVE0Yt6n7bafx6mIK/qBajG1tV+qsquzFz85xTIIofw=', name: 'ana' }
  const { id } = await accounts.add('ana', '', hash)
  const plain = new Set(['PLAIN', 'LOGIN'])
  assert.deepEqual(accounts.mechanisms().intersection(all), plain, 'others could not be answered')
  const before = accounts.credential('ana')
  assert.equal(await before.verify('wrong'), false)
  assert.deepEqual(accounts.mechanisms(), plain)
  assert.equal(await before.verify('secrét x'), true)
  assert.deepEqual(accounts.mechanisms(), all)
  const after = accounts.credential('ana')
  assert.equal(await after.verify('secrét x'), true)
  const keys = await scramKeys('secrét x', after.scram('sha-256').salt, after.scram('sha-256').iterations, 'sha-256')
  assert.deepEqual(after.scram('sha-256').storedKey, keys.storedKey)
  // A hash that an older session still holds does not undo a password that was set meanwhile.
  await accounts.setPassword(id, hash)
  const old = accounts.credential('ana')
  await accounts.setPassword(id, 'new')
  assert.equal(await old.verify('secrét x'), true)
  assert.equal(await accounts.credential('ana').verify('new'), true)
})
