/** Application passwords and second factors, by each mechanism. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { mechanismsBy, type SaslBackend, startClientExchange, startExchange } from '../../formats/sasl/mod.ts'
import type { StoredAccounts } from './accounts.ts'
import type { Account, Scope } from './contract.ts'
import { createSaslBackend } from './sasl-backend.ts'
import { testAccounts } from './test-accounts.ts'
import { totpCode, totpStep } from './totp.ts'

const SERVICES: Readonly<Record<Scope, string>> = { smtp: 'smtp', imap: 'imap', pop3: 'pop' }

/** Whom a log-in proves: the name that follows, and the application password; undefined for nobody. */
async function logIn(
  backend: SaslBackend,
  mechanism: string,
  username: string,
  password: string,
): Promise<string | undefined> {
  const channel = { secured: true, exporter: Buffer.alloc(32) }
  const client = startClientExchange([mechanism], { username, password }, { service: 'smtp', host: 'h', channel })
  const server = startExchange(mechanism, backend, { service: 'smtp', hostname: 'h', channel })
  assert.ok(client && server)
  let step = await server.step(client.initial)
  while (step.state === 'continue') step = await server.step(await client.step(step.challenge))
  if (step.state !== 'done') return undefined
  return [step.identity.username, step.identity.appPassword?.name].filter((word) => word !== undefined).join(' by ')
}

async function withAna(t: TestContext): Promise<{
  accounts: StoredAccounts
  ana: Account
  clock: ReturnType<typeof manualClock>
  backend: (scope?: Scope) => SaslBackend
}> {
  const clock = manualClock()
  const accounts = testAccounts(t, { clock })
  const ana = await accounts.add('ana', '', 'secreto')
  const backend = (scope: Scope = 'smtp'): SaslBackend =>
    createSaslBackend(accounts, { service: SERVICES[scope], scope })
  return { accounts, ana, clock, backend }
}

test('an application password logs in by its own name with every mechanism, by the plain name with those that say it', async (t) => {
  const { accounts, ana, backend } = await withAna(t)
  const password = await accounts.appPasswords.add(ana, { name: 'phone', scopes: ['smtp'], expiresMs: undefined })
  assert.match(password, /^[a-z2-7]{5}(-[a-z2-7]{5}){3}$/)
  for (const mechanism of mechanismsBy('password')) {
    assert.equal(await logIn(backend(), mechanism, 'ana+phone', password), 'ana by phone', mechanism)
    assert.equal(await logIn(backend(), mechanism, 'ana+phone@midominio.com', password), 'ana@midominio.com by phone')
    assert.equal(await logIn(backend(), mechanism, 'ana+phone', 'secreto'), undefined, mechanism)
    assert.equal(await logIn(backend(), mechanism, 'ana+other', password), undefined, mechanism)
    assert.equal(await logIn(backend(), mechanism, 'ana', 'secreto'), 'ana', mechanism)
    const says = mechanism === 'PLAIN' || mechanism === 'LOGIN'
    assert.equal(await logIn(backend(), mechanism, 'ana', password), says ? 'ana by phone' : undefined, mechanism)
  }
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', password.replaceAll('-', ' ').toUpperCase()), 'ana by phone')
  assert.equal([...accounts.mechanisms()].length, mechanismsBy('password').length)
})

test('scope, expiry, removal and a disabled account end it', async (t) => {
  const { accounts, ana, clock, backend } = await withAna(t)
  const expiresMs = clock.now() + 1000
  const password = await accounts.appPasswords.add(ana, { name: 'a1', scopes: ['imap', 'pop3'], expiresMs })
  const outcomes = async (): Promise<(string | undefined)[]> => [
    await logIn(backend('imap'), 'PLAIN', 'ana', password),
    await logIn(backend('pop3'), 'SCRAM-SHA-256', 'ana+a1', password),
    await logIn(backend('smtp'), 'PLAIN', 'ana', password),
    await logIn(backend('smtp'), 'SCRAM-SHA-256', 'ana+a1', password),
  ]
  const both = ['ana by a1', 'ana by a1', undefined, undefined]
  const none = [undefined, undefined, undefined, undefined]
  const id = accounts.appPasswords.list(ana.id)[0]?.id ?? 0
  assert.deepEqual(await outcomes(), both)
  assert.equal(accounts.appPasswords.holds(ana.id, id), true)
  await accounts.setDisabled(ana.id, true)
  assert.deepEqual(await outcomes(), none)
  await accounts.setDisabled(ana.id, false)
  assert.deepEqual(await outcomes(), both)
  clock.advance(1000)
  assert.deepEqual(await outcomes(), none)
  assert.equal(accounts.appPasswords.holds(ana.id, id), false)
  await accounts.appPasswords.remove(ana.id, 'a1')
  assert.equal(await accounts.appPasswords.remove(ana.id, 'a1'), false)
  const second = await accounts.appPasswords.add(ana, { name: 'a2', scopes: ['imap'], expiresMs: undefined })
  assert.equal(await logIn(backend('imap'), 'LOGIN', 'ana', second), 'ana by a2')
  await accounts.appPasswords.remove(ana.id, 'a2')
  assert.equal(await logIn(backend('imap'), 'LOGIN', 'ana', second), undefined)
})

test('an account whose own name ends like one is itself, and names are checked', async (t) => {
  const { accounts, ana, backend } = await withAna(t)
  const password = await accounts.appPasswords.add(ana, { name: 'list', scopes: ['smtp'], expiresMs: undefined })
  await accounts.add('ana+list', '', 'otra')
  assert.equal(await logIn(backend(), 'PLAIN', 'ana+list', 'otra'), 'ana+list')
  assert.equal(await logIn(backend(), 'PLAIN', 'ana+list', password), undefined)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', password), 'ana by list')
  for (const name of ['', 'Ü', 'a b', 'a+b', 'x'.repeat(33), '-a'])
    await assert.rejects(accounts.appPasswords.add(ana, { name, scopes: ['smtp'], expiresMs: undefined }), /a name has/)
  await assert.rejects(
    accounts.appPasswords.add(ana, { name: 'list', scopes: ['smtp'], expiresMs: undefined }),
    /already/,
  )
  await assert.rejects(accounts.appPasswords.add(ana, { name: 'x', scopes: [], expiresMs: undefined }), /scope/)
})

test('with a second factor the password wants a code behind it, once, and application passwords do not', async (t) => {
  const { accounts, ana, clock, backend } = await withAna(t)
  const app = await accounts.appPasswords.add(ana, { name: 'phone', scopes: ['smtp'], expiresMs: undefined })
  const { secret, recoveryCodes } = await accounts.secondFactors.enable(ana.id)
  const code = (steps = 0): string => totpCode(secret, totpStep(clock.now()) + steps)
  for (const mechanism of mechanismsBy('password')) {
    assert.equal(await logIn(backend(), mechanism, 'ana', 'secreto'), undefined, mechanism)
    assert.equal(await logIn(backend(), mechanism, 'ana+phone', app), 'ana by phone', mechanism)
  }
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `wrong${code()}`), undefined)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${code(2)}`), undefined)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${code()}`), 'ana')
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${code()}`), undefined, 'replay')
  assert.equal(await logIn(backend(), 'LOGIN', 'ana', `secreto${code(-1)}`), undefined, 'before the one used')
  assert.equal(await logIn(backend(), 'LOGIN', 'ana', `secreto${code(1)}`), 'ana')
  const [first = ''] = recoveryCodes
  assert.equal(recoveryCodes.length, 10)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `wrong${first}`), undefined)
  assert.equal(accounts.secondFactors.recoveryCodesLeft(ana.id), 10)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${first}`), 'ana')
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${first}`), undefined)
  assert.equal(accounts.secondFactors.recoveryCodesLeft(ana.id), 9)
  assert.equal(await accounts.secondFactors.disable(ana.id), true)
  assert.equal(await logIn(backend(), 'SCRAM-SHA-256', 'ana', 'secreto'), 'ana')
})

test('a second factor holds for passwords that others keep', async (t) => {
  const { accounts, ana, clock } = await withAna(t)
  const system = async (user: string, password: string): Promise<boolean> => user === 'ana' && password === 'of-system'
  const backend = createSaslBackend(accounts, { service: 'imap', system })
  assert.equal(await logIn(backend, 'PLAIN', 'ana', 'of-system'), 'ana')
  const { secret } = await accounts.secondFactors.enable(ana.id)
  assert.equal(await logIn(backend, 'PLAIN', 'ana', 'of-system'), undefined)
  assert.equal(await logIn(backend, 'PLAIN', 'ana', `of-system${totpCode(secret, totpStep(clock.now()))}`), 'ana')
})

test('whoever has the password cannot try all codes; recovery codes and application passwords go on', async (t) => {
  const { accounts, ana, clock, backend } = await withAna(t)
  const { secret, recoveryCodes } = await accounts.secondFactors.enable(ana.id)
  const right = (): string => `secreto${totpCode(secret, totpStep(clock.now()))}`
  const wrong = totpCode(secret, totpStep(clock.now()) + 50)
  for (let i = 0; i < 10; i++) assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${wrong}`), undefined)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', right()), undefined)
  assert.equal(await logIn(backend(), 'PLAIN', 'ana', `secreto${recoveryCodes[3]}`), 'ana')
  clock.advance(600_000)
  for (let i = 0; i < 20; i++) assert.equal(await logIn(backend(), 'PLAIN', 'ana', `other${wrong}`), undefined)
  assert.equal(
    await logIn(backend(), 'PLAIN', 'ana', right()),
    'ana',
    'a stranger without the password locks nobody out',
  )
})
