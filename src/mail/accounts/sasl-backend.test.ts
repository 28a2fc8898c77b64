/** Our client of each mechanism against the account store. */
import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import {
  mechanismsBy,
  startClientExchange,
  startExchange,
  SaslUnavailable,
  type SaslBackend,
  type SaslStep,
} from '../../formats/sasl/mod.ts'
import { availableMechanisms, createSaslBackend } from './sasl-backend.ts'
import { askSaslauthd, printRequest } from './saslauthd.ts'
import { temporaryDirectory, testAccounts } from './test-accounts.ts'

const channel = { secured: true, exporter: Buffer.alloc(32, 5) }

async function logIn(
  backend: SaslBackend,
  mechanism: string,
  username: string,
  password: string,
  authzid?: string,
): Promise<SaslStep> {
  const credentials = { username, password, ...(authzid !== undefined && { authzid }) }
  const client = startClientExchange([mechanism], credentials, { service: 'smtp', host: 'mail.midominio.com', channel })
  const server = startExchange(mechanism, backend, { service: 'smtp', hostname: 'mail.midominio.com', channel })
  assert.ok(client && server)
  let step = await server.step(client.initial)
  while (step.state === 'continue') step = await server.step(await client.step(step.challenge))
  if (step.state === 'done' && step.finalData) await client.step(step.finalData)
  if (step.state === 'done') assert.ok(client.complete)
  return step
}

async function withAccounts(t: TestContext): Promise<SaslBackend> {
  const accounts = testAccounts(t)
  await accounts.add('usuario', '', 'contraseña')
  await accounts.add('begoña', '', 'secreto')
  await accounts.addDomain('virtual.example')
  await accounts.add('ana', 'virtual.example', 'пароль')
  return createSaslBackend(accounts, { service: 'smtp' })
}

const people: readonly (readonly [account: number, password: string, names: readonly string[]])[] = [
  [1, 'contraseña', ['usuario', 'usuario@mail.midominio.com', 'usuario@midominio.com', 'usuario@dominio.virtual']],
  [2, 'secreto', ['begoña', 'begoña@mail.midominio.com']],
  [3, 'пароль', ['ana@virtual.example']],
]

for (const mechanism of mechanismsBy('password'))
  test(`${mechanism} logs in by every name, and not with another password`, async (t) => {
    const backend = await withAccounts(t)
    for (const [account, password, names] of people)
      for (const name of names) {
        const step = await logIn(backend, mechanism, name, password)
        assert.deepEqual(step.state === 'done' && step.identity, { accountId: account, username: name }, name)
        const refused = await logIn(backend, mechanism, name, `${password}x`)
        assert.ok(refused.state === 'failed' && refused.reason === 'authentication failure', name)
      }
    const unknown = await logIn(backend, mechanism, 'nadie', 'secreto')
    assert.ok(unknown.state === 'failed' && unknown.reason === 'authentication failure')
  })

test('an account acts as itself by any name, and as no other', async (t) => {
  const backend = await withAccounts(t)
  for (const mechanism of ['PLAIN', 'DIGEST-MD5', 'SCRAM-SHA-256']) {
    const itself = await logIn(backend, mechanism, 'usuario', 'contraseña', 'usuario@midominio.com')
    assert.equal(itself.state, 'done', mechanism)
    const other = await logIn(backend, mechanism, 'usuario', 'contraseña', 'begoña')
    assert.ok(other.state === 'failed' && other.reason === 'authorization failure', mechanism)
  }
})

test('DIGEST-MD5 takes an account’s own realm', async (t) => {
  const accounts = testAccounts(t)
  await accounts.addDomain('virtual.example')
  await accounts.add('ana', 'virtual.example', 'secreto')
  const { ha1s, identity } = createSaslBackend(accounts, { service: 'smtp' }).digestMd5('ana', 'virtual.example')
  assert.equal(identity?.accountId, 1)
  assert.ok(ha1s.length > 0)
})

/** A saslauthd that answers with `answer` to whoever asks, and what it was asked. */
async function startSaslauthd(t: TestContext, answer: Buffer | 'silent'): Promise<{ path: string; asked: Buffer[] }> {
  const path = join(temporaryDirectory(t), 'mux')
  const asked: Buffer[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      asked.push(chunk)
      if (answer !== 'silent') socket.end(answer)
    })
  })
  await new Promise<void>((resolve) => server.listen(path, resolve))
  t.after(() => server.close())
  return { path, asked }
}

const counted = (text: string): Buffer => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])
const request = { username: 'usuario@midominio.com', password: 'secreto', service: 'smtp' }

test('saslauthd is asked in its own words', async (t) => {
  const { path, asked } = await startSaslauthd(t, counted('OK success'))
  assert.equal(await askSaslauthd(path, request), true)
  assert.deepEqual(
    Buffer.concat(asked),
    Buffer.concat([counted('usuario'), counted('secreto'), counted('smtp'), counted('midominio.com')]),
  )
})

test('saslauthd refuses', async (t) => {
  const { path } = await startSaslauthd(t, counted('NO "authentication failed"'))
  assert.equal(await askSaslauthd(path, request), false)
})

test('what saslauthd could not read is not sent', () => {
  assert.equal(printRequest({ ...request, password: 'a\0b' }), undefined)
  assert.equal(printRequest({ ...request, password: 'x'.repeat(257) }), undefined)
})

const odd: readonly (readonly [title: string, answer: Buffer | 'silent', error: RegExp])[] = [
  ['another word', counted('HM'), /neither/],
  ['half an answer', Buffer.from([0, 9, 0x4f]), /hung up/],
  ['nothing', Buffer.alloc(0), /hung up/],
  ['far too much', Buffer.alloc(5000, 0xff), /too long/],
  ['silence', 'silent', /in time/],
]
for (const [title, answer, error] of odd)
  test(`saslauthd’s answer ${title} is a temporary failure`, async (t) => {
    const { path } = await startSaslauthd(t, answer)
    await assert.rejects(
      askSaslauthd(path, request, 50),
      (thrown) => thrown instanceof SaslUnavailable && error.test(thrown.message),
    )
  })

test('sources are asked in turn; one that is away makes a refusal temporary', async (t) => {
  const accounts = testAccounts(t)
  await accounts.add('usuario', '', 'secreto')
  const away = { sources: ['accounts', 'saslauthd'], saslauthdPath: join(temporaryDirectory(t), 'mux') } as const
  const backend = createSaslBackend(accounts, { service: 'smtp', conf: away })
  assert.equal((await logIn(backend, 'PLAIN', 'usuario', 'secreto')).state, 'done')
  const step = await logIn(backend, 'PLAIN', 'usuario', 'otro')
  assert.ok(step.state === 'failed' && step.temporary && step.reason === 'generic failure')
  assert.match(step.detail ?? '', /^saslauthd .*ENOENT/)
  assert.deepEqual([...availableMechanisms(accounts, { conf: away })], ['PLAIN', 'LOGIN'])
})

test('whom saslauthd vouches for has no mailbox of an account', async (t) => {
  const { path } = await startSaslauthd(t, counted('OK'))
  const accounts = testAccounts(t)
  const conf = { sources: ['saslauthd'], saslauthdPath: path } as const
  const step = await logIn(createSaslBackend(accounts, { service: 'smtp', conf }), 'LOGIN', 'sistema', 'secreto')
  assert.deepEqual(step.state === 'done' && step.identity, { accountId: undefined, username: 'sistema' })
})

test('whom saslauthd vouches for stays outside where the account by that name is disabled', async (t) => {
  const { path } = await startSaslauthd(t, counted('OK'))
  const accounts = testAccounts(t)
  const { id } = await accounts.add('ana', '', 'secreto')
  await accounts.setDisabled(id, true)
  const conf = { sources: ['saslauthd'], saslauthdPath: path } as const
  const backend = createSaslBackend(accounts, { service: 'smtp', conf })
  for (const name of ['ana', 'ANA@midominio.com'])
    assert.equal((await logIn(backend, 'PLAIN', name, 'secreto')).state, 'failed', name)
})

test('no other source hears a name that it might take for another', async (t) => {
  const accounts = testAccounts(t)
  const { id } = await accounts.add('ana', '', 'otro')
  await accounts.secondFactors.enable(id)
  const heard: string[] = []
  const directories = {
    knows: (name: string, password: string) => {
      heard.push(name)
      return Promise.resolve(name.trim() === 'ana' && password === 'secreto')
    },
  }
  const backend = createSaslBackend(accounts, { service: 'smtp', directories })
  for (const name of ['ana', 'ana ', ' ana', 'ana\t', 'an\u00ada'])
    assert.equal(await backend.verifyPassword(name, 'secreto'), undefined, JSON.stringify(name))
  assert.deepEqual(heard, ['ana'])
})
