import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SaslError } from './errors.ts'
import { mechanismNames, selectMechanisms, startClientExchange, startExchange, type Selection } from './mechanisms.ts'
import { testBackend } from './test-backend.ts'

const SCRAMS = 'SCRAM-SHA-1 SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS'
const ALL = `PLAIN LOGIN DIGEST-MD5 CRAM-MD5 ${SCRAMS} EXTERNAL OAUTHBEARER XOAUTH2`

/** Columns: what is asked, what is offered. */
const selections: readonly (readonly [title: string, selection: Partial<Selection>, offered: string])[] = [
  ['all, in the order of Postfix with Cyrus', {}, ALL],
  ['noanonymous, Postfix’s default', { securityOptions: ['noanonymous'] }, ALL],
  ['noplaintext', { securityOptions: ['noplaintext'] }, `DIGEST-MD5 CRAM-MD5 ${SCRAMS} EXTERNAL`],
  ['noactive', { securityOptions: ['noactive'] }, `${SCRAMS} EXTERNAL`],
  ['mutual_auth', { securityOptions: ['mutual_auth'] }, `DIGEST-MD5 ${SCRAMS}`],
  ['nodictionary', { securityOptions: ['nodictionary'] }, 'EXTERNAL OAUTHBEARER XOAUTH2'],
  ['forward_secrecy', { securityOptions: ['forward_secrecy'] }, ''],
  ['mech_list chooses and orders', { mechList: ['cram-md5', 'PLAIN', 'CRAM-MD5', 'NTLM'] }, 'CRAM-MD5 PLAIN'],
  ['an empty mech_list', { mechList: [] }, ''],
  ['a source that knows plain passwords only', { available: new Set(['PLAIN', 'LOGIN']) }, 'PLAIN LOGIN'],
]
for (const [title, selection, offered] of selections)
  test(`selectMechanisms(): ${title}`, () => {
    const whole = { available: new Set(mechanismNames), securityOptions: [], ...selection }
    assert.equal(selectMechanisms(whole).join(' '), offered)
  })

test('selectMechanisms() does not pass over a security option that it does not know', () => {
  const selection = { available: new Set(mechanismNames), securityOptions: ['noplaintex'] }
  assert.throws(() => selectMechanisms(selection), RangeError)
})

test('startExchange() knows its mechanisms in any case, and no other, and none that the connection has nothing for', async () => {
  const backend = await testBackend([])
  const options = { service: 'smtp', hostname: 'mail.example' }
  assert.equal(startExchange('scram-sha-256', backend, options)?.mechanism, 'SCRAM-SHA-256')
  assert.deepEqual(
    ['PLAIN', 'LOGIN', 'SCRAM-SHA-1'].map((name) => startExchange(name, backend, options)?.clientFirst),
    [true, false, true],
  )
  for (const name of ['ANONYMOUS', 'EXTERNAL', 'OAUTHBEARER', 'SCRAM-SHA-256-PLUS', '', '__proto__'])
    assert.equal(startExchange(name, backend, options), undefined)
})

const me = { username: 'ana', password: 'secreto' }
const preferences: readonly (readonly [offered: string, security: string[], chosen: string | undefined])[] = [
  [`GSSAPI ${ALL}`, [], 'SCRAM-SHA-256'],
  ['PLAIN LOGIN CRAM-MD5', [], 'CRAM-MD5'],
  ['login plain', [], 'PLAIN'],
  ['LOGIN', [], 'LOGIN'],
  ['LOGIN PLAIN', ['noplaintext', 'noanonymous'], undefined],
  ['GSSAPI', [], undefined],
]
for (const [offered, securityOptions, chosen] of preferences)
  test(`startClientExchange() of ${offered} with ${securityOptions.join(' ') || 'no options'}: ${chosen}`, () => {
    const options = { service: 'smtp', host: 'mail.example', securityOptions }
    assert.equal(startClientExchange(offered.split(' '), me, options)?.mechanism, chosen)
  })

/** What a client must not believe. Columns: mechanism, challenges in turn, the error. */
const hostile: readonly (readonly [mechanism: string, challenges: readonly string[], error: RegExp])[] = [
  ['PLAIN', ['who are you?'], /challenge/],
  ['CRAM-MD5', ['<1@x>', '<2@x>'], /second/],
  ['SCRAM-SHA-256', ['r=other,s=AAAA,i=4096'], /nonce/],
  ['SCRAM-SHA-256', ['r=N,s=AAAA,i=4096'], /nonce/],
  ['SCRAM-SHA-256', ['r=Nx,s=AAAA,i=1'], /iterations/],
  ['SCRAM-SHA-256', ['r=Nx,s=AAAA,i=999999999'], /iterations/],
  ['SCRAM-SHA-256', ['r=Nx,s=AAAA,i=04096'], /bad protocol/],
  ['SCRAM-SHA-256', ['m=x,r=Nx,s=AAAA,i=4096'], /bad protocol/],
  ['SCRAM-SHA-256', ['r=Nx,s=AAAA,i=4096', 'e=invalid-proof'], /invalid-proof/],
  ['SCRAM-SHA-256', ['r=Nx,s=AAAA,i=4096', 'v=AAAA'], /proof is wrong/],
  ['DIGEST-MD5', ['nonce="N",qop="auth-conf",algorithm=md5-sess'], /qop/],
  ['DIGEST-MD5', ['nonce="N",nonce="M",algorithm=md5-sess'], /bad protocol/],
  ['DIGEST-MD5', ['algorithm=md5-sess'], /bad protocol/],
  ['DIGEST-MD5', ['nonce="N",algorithm=sha'], /algorithm/],
  ['DIGEST-MD5', [`nonce="${'N'.repeat(2048)}",algorithm=md5-sess`], /too long/],
  ['DIGEST-MD5', ['nonce="N",algorithm=md5-sess', 'rspauth=00'], /proof is wrong/],
]
for (const [mechanism, challenges, error] of hostile)
  test(`our ${mechanism} client refuses ${challenges.at(-1)?.slice(0, 50)}`, async () => {
    const client = startClientExchange([mechanism], me, { service: 'smtp', host: 'h', nonce: () => 'N' })
    assert.ok(client)
    const last = challenges.at(-1) ?? ''
    for (const challenge of challenges.slice(0, -1)) await client.step(Buffer.from(challenge))
    await assert.rejects(
      async () => client.step(Buffer.from(last)),
      (thrown) => thrown instanceof SaslError && error.test(thrown.message),
    )
    if (mechanism.startsWith('SCRAM')) assert.equal(client.complete, false)
  })
