/** What of a token is looked at: each claim wrong by itself, the key, the issuer's own words. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose'
import { manualClock } from '#src/base/mod.ts'
import { SaslUnavailable } from '#src/formats/sasl/mod.ts'
import { sendHttp } from '#src/io/net/mod.ts'
import { TokenChecker, tokenSettings, type TokenSettings } from '#src/mail/accounts/mod.ts'
import { AUDIENCE, CLIENT, startIssuer, type TestIssuer } from '../support/issuer.ts'

const ANA = 'ana@mail.example.test'

function checker(
  issuer: TestIssuer,
  more: Partial<TokenSettings> = {},
): { check: (token: string) => Promise<string>; clock: ReturnType<typeof manualClock> } {
  const clock = manualClock(Date.now())
  const settings: TokenSettings = {
    issuer: issuer.url,
    audience: [AUDIENCE],
    scope: ['mail'],
    claim: 'email',
    introspection: CLIENT,
    ca: undefined,
    timeoutMs: 5000,
    ...more,
  }
  const tokens = new TokenChecker(settings, { send: sendHttp, clock })
  const check = async (token: string): Promise<string> => {
    const verdict = await tokens.check(token)
    return 'name' in verdict ? verdict.name : `${verdict.status}: ${verdict.why}`
  }
  return { check, clock }
}

const now = Math.floor(Date.now() / 1000)
const AUD = 'invalid_token: unexpected "aud" claim value'
const cases: readonly (readonly [claims: Record<string, unknown>, ends: string, settings?: Partial<TokenSettings>])[] =
  [
    [{}, ANA],
    [{ aud: ['x', AUDIENCE] }, ANA],
    [{ exp: now - 10 }, ANA], // clocks differ
    [{ preferred_username: 'eva' }, 'eva', { claim: 'preferred_username' }],
    [{ scope: undefined, scp: ['mail', 'x'] }, ANA],
    [{ scope: undefined }, ANA, { scope: [] }],
    [{ exp: now - 100 }, 'invalid_token: "exp" claim timestamp check failed'],
    [{ exp: undefined }, 'invalid_token: missing required "exp" claim'],
    [{ nbf: now + 100 }, 'invalid_token: "nbf" claim timestamp check failed'],
    [{ iss: 'https://elsewhere.example' }, 'invalid_token: unexpected "iss" claim value'],
    [{ aud: 'webmail' }, AUD],
    [{ aud: undefined }, 'invalid_token: missing required "aud" claim'],
    [{ email: undefined }, 'invalid_token: no claim email'],
    [{ email: ['ana', 'eva'] }, 'invalid_token: no claim email'],
    [{ email_verified: false }, 'invalid_token: the email is not verified'],
    [{ email_verified: 'false' }, 'invalid_token: the email is not verified'],
    [{ scope: 'mailbox' }, 'insufficient_scope: no scope mail'],
  ]

test('each claim counts', async (t) => {
  const issuer = await startIssuer(t)
  for (const [claims, ends, settings] of cases)
    assert.equal(await checker(issuer, settings).check(await issuer.token(claims)), ends, JSON.stringify(claims))
})

test('a signature counts, and a new key is fetched once', async (t) => {
  const issuer = await startIssuer(t)
  const { check, clock } = checker(issuer)
  assert.equal(await check(await issuer.token()), ANA)
  assert.equal(await check(new UnsecuredJWT({ email: ANA, aud: AUDIENCE }).setIssuer(issuer.url).encode()), NO_JWT)
  const byKey = (alg: string): SignJWT =>
    new SignJWT({ email: ANA, scope: 'mail', aud: AUDIENCE, exp: now + 100, iss: issuer.url }).setProtectedHeader({
      alg,
      kid: 'k0',
    })
  const { privateKey } = await generateKeyPair('ES256')
  const forged = await byKey('ES256').sign(privateKey)
  assert.equal(await check(forged), 'invalid_token: signature verification failed')
  const shared = await byKey('HS256').sign(Buffer.alloc(32))
  assert.equal(await check(shared), 'invalid_token: "alg" (Algorithm) Header Parameter value not allowed')
  await issuer.changeKey(false)
  clock.advance(60_000)
  for (let n = 0; n < 3; n++)
    assert.equal(await check(await issuer.token()), 'invalid_token: no applicable key found in the JSON Web Key Set')
  await issuer.changeKey(true)
  assert.match(await check(await issuer.token()), /^invalid_token: no applicable key/)
  assert.equal(issuer.asked.filter((path) => path === '/keys').length, 2)
  clock.advance(60_000)
  assert.equal(await check(await issuer.token()), ANA)
})

/** Two parts and nothing: as no JWT it is asked about, and nobody knows it. */
const NO_JWT = 'invalid_token: the issuer says that the token is not active'

test('an opaque token is asked about, and the answer is kept for a minute', async (t) => {
  const issuer = await startIssuer(t)
  const { check, clock } = checker(issuer)
  const good = { active: true, aud: AUDIENCE, scope: 'mail', email: ANA, exp: now + 3600 }
  issuer.opaque
    .set('good', good)
    .set('late', { ...good, exp: now - 100 })
    .set('web', { ...good, aud: 'web' })
  issuer.opaque
    .set('client', { ...good, aud: undefined, client_id: AUDIENCE })
    .set('nobody', { ...good, aud: undefined })
  issuer.opaque.set('word', { ...good, active: 'true' })
  for (const [token, ends] of [
    ['good', ANA],
    ['client', ANA],
    ['late', 'invalid_token: "exp" claim timestamp check failed'],
    ['web', AUD],
    ['nobody', AUD],
    ['word', NO_JWT],
  ] as const)
    assert.equal(await check(token), ends, token)
  issuer.opaque.delete('good')
  assert.equal(await check('good'), ANA)
  clock.advance(61_000)
  assert.equal(await check('good'), NO_JWT)
  const without = checker(issuer, { introspection: undefined })
  assert.equal(await without.check('good'), 'invalid_token: the token is no JWT')
})

test('an issuer that is away, or another than it should be, says nothing of a token', async (t: TestContext) => {
  const issuer = await startIssuer(t)
  const away = checker(issuer, { issuer: `${issuer.url}/` })
  await assert.rejects(
    away.check(await issuer.token()),
    (e) => e instanceof SaslUnavailable && /calls itself/.test(e.message),
  )
  const { check, clock } = checker(issuer)
  assert.equal(await check(await issuer.token()), ANA)
  issuer.down = true
  clock.advance(2 * 3_600_000)
  assert.equal(await check(await issuer.token({ exp: now + 9000 })), ANA, 'the keys of before')
  await assert.rejects(check('opaque'), SaslUnavailable)
})

const usual = {
  oauth_issuer: 'https://id.example',
  oauth_audience: ['mail'],
  oauth_scope: [],
  oauth_account_claim: 'email',
  oauth_client_id: '',
  oauth_client_secret_file: '',
  oauth_ca_file: '',
  oauth_timeout: 1000,
}
for (const [change, fault] of [
  [{ oauth_issuer: '' }, undefined],
  [{}, ''],
  [{ oauth_issuer: 'http://localhost:8080/realm' }, ''],
  [{ oauth_issuer: 'http://id.example' }, 'oauth_issuer'],
  [{ oauth_issuer: 'https://user@id.example' }, 'oauth_issuer'],
  [{ oauth_issuer: 'id.example' }, 'oauth_issuer'],
  [{ oauth_audience: [] }, 'oauth_audience'],
  [{ oauth_client_id: 'x' }, 'oauth_client_id'],
  [{ oauth_client_secret_file: '/nosuch' }, 'oauth_client_secret_file'],
  [{ oauth_ca_file: '/nosuch' }, 'oauth_ca_file'],
] as const)
  test(`settings with ${JSON.stringify(change)}: ${fault === '' ? 'good' : (fault ?? 'none')}`, () => {
    const settings = tokenSettings({ ...usual, ...change })
    assert.equal(settings && ('fault' in settings ? settings.fault.name : ''), fault)
  })
