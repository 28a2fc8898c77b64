/** Log-ins by channel binding, certificate and token, on SMTP, IMAP and POP3, each after STARTTLS. */
import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { test, type TestContext } from 'node:test'
import { startClientExchange } from '#src/formats/sasl/mod.ts'
import { type Certified, certificateMaker } from '../support/authority.ts'
import { AUDIENCE, CLIENT, startIssuer } from '../support/issuer.ts'
import { DOMAIN, PASSWORD, startServer, type TestServer } from '../support/server.ts'
import { type Protocol, TlsDialogue, type TlsOptions } from '../support/tls-dialogue.ts'

const PROTOCOLS: readonly Protocol[] = ['smtp', 'imap', 'pop3']
const DONE: Readonly<Record<Protocol, RegExp>> = { smtp: /^235 2\.7\.0/, imap: /^OK /, pop3: /^\+OK/ }
const REFUSED: Readonly<Record<Protocol, RegExp>> = {
  smtp: /^535 5\.7\.8/,
  imap: /^NO \[AUTHENTICATIONFAILED\]/,
  pop3: /^-ERR \[AUTH\]/,
}
const AWAY: Readonly<Record<Protocol, RegExp>> = {
  smtp: /^454 4\.7\.0/,
  imap: /^NO \[UNAVAILABLE\]/,
  pop3: /^-ERR \[SYS\/TEMP\]/,
}
const bearer = (token: string, user = ''): Buffer =>
  Buffer.from(`n,${user === '' ? '' : `a=${user}`},\x01auth=Bearer ${token}\x01\x01`)

type Talk = (protocol: Protocol, options?: TlsOptions) => Promise<TlsDialogue>
const talkTo =
  (t: TestContext, server: TestServer): Talk =>
  (protocol, options) =>
    TlsDialogue.secured(t, protocol, server.port(protocol), options)

async function scram(on: TlsDialogue, offered: string, exporter: Buffer | undefined): Promise<string> {
  const channel = { secured: true, exporter }
  const credentials = { username: 'ana', password: PASSWORD }
  const client = startClientExchange(offered.split(' '), credentials, { service: 'x', host: 'h', channel })
  assert.ok(client)
  const step = (challenge: Buffer): Promise<Buffer> => client.step(challenge)
  const { reply } = await on.authenticate(client.mechanism, client.initial, step, step)
  assert.ok(client.complete || !DONE[on.protocol].test(reply))
  return `${client.mechanism} ${reply}`
}

test('SCRAM binds to the channel over TLS 1.3, and tells a downgrade', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const talk = talkTo(t, server)
  for (const protocol of PROTOCOLS) {
    const plain = await TlsDialogue.open(t, protocol, server.port(protocol))
    assert.doesNotMatch(await plain.mechanisms(), /-PLUS|EXTERNAL|BEARER|OAUTH/)
    const old = await talk(protocol, { maxVersion: 'TLSv1.2' })
    assert.doesNotMatch(await old.mechanisms(), /-PLUS/)
    assert.match(await scram(old, await old.mechanisms(), undefined), /^SCRAM-SHA-256 (?:235|OK|\+OK)/)
    const bound = await talk(protocol)
    const offered = await bound.mechanisms()
    assert.match(offered, /SCRAM-SHA-1-PLUS SCRAM-SHA-256-PLUS/)
    assert.match(await scram(bound, offered, bound.exporter), /^SCRAM-SHA-256-PLUS (?:235|OK|\+OK)/)
    const cut = await talk(protocol)
    assert.match(await scram(cut, 'SCRAM-SHA-256', cut.exporter), /^SCRAM-SHA-256 (?:535|NO|-ERR)/)
    const between = await talk(protocol)
    assert.match(await scram(between, 'SCRAM-SHA-1-PLUS', Buffer.alloc(32)), /^SCRAM-SHA-1-PLUS (?:535|NO|-ERR)/)
  }
})

const fingerprint = (pem: string): string =>
  createHash('sha256')
    .update(new X509Certificate(pem).raw)
    .digest('hex')
    .toUpperCase()
    .replace(/..(?=.)/g, '$&:')

test('EXTERNAL: a certificate means an account by its fingerprint, or by its address where that is wished', async (t) => {
  const { make } = certificateMaker(t)
  const authority = make('Test CA')
  const address = (name: string): string => `subjectAltName=email:${name}@${DOMAIN}`
  const listed = make('listed', { names: ['a.test'] })
  const sender = make('sender', { names: ['s.test'] })
  const vouched = make('vouched', { by: authority, extensions: [address('eva')] })
  const claimed = make('claimed', { extensions: [address('eva')] })
  const unknown = make('unknown', { by: authority, names: ['u.test'] })
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    files: {
      ca: authority.cert,
      certs: `${fingerprint(listed.cert)} ana\n${fingerprint(sender.cert)} printer\n`,
    },
    mainCf:
      'smtpd_tls_ask_ccert = yes\nsmtpd_tls_CAfile = $config_directory/ca\n' +
      'login_clientcerts = texthash:$config_directory/certs\nlogin_clientcert_addresses = yes\n',
  })
  const talk = talkTo(t, server)
  const cases: readonly (readonly [Certified, string, (protocol: Protocol) => RegExp])[] = [
    [listed, '', (p) => DONE[p]],
    [listed, `ana@${DOMAIN}`, (p) => DONE[p]],
    [listed, 'eva', (p) => REFUSED[p]],
    [vouched, '', (p) => DONE[p]],
    [vouched, 'ana', (p) => REFUSED[p]],
    [claimed, '', (p) => REFUSED[p]],
    [unknown, '', (p) => REFUSED[p]],
    [sender, '', (p) => ({ smtp: DONE.smtp, imap: /^NO \[AUTHORIZATIONFAILED\]/, pop3: /^-ERR \[SYS\/PERM\]/ })[p]],
  ]
  for (const protocol of PROTOCOLS) {
    assert.doesNotMatch(await (await talk(protocol)).mechanisms(), /EXTERNAL/)
    for (const [certificate, authzid, ends] of cases) {
      const on = await talk(protocol, { certificate })
      assert.match(await on.mechanisms(), /EXTERNAL/)
      const { reply } = await on.authenticate('EXTERNAL', Buffer.from(authzid))
      assert.match(reply, ends(protocol), `${protocol} ${authzid}`)
    }
    const slow = await talk(protocol, { certificate: listed })
    assert.match((await slow.authenticate('EXTERNAL', undefined, () => Buffer.alloc(0))).reply, DONE[protocol])
  }
})

test('OAUTHBEARER and XOAUTH2: tokens of an issuer', async (t) => {
  const issuer = await startIssuer(t)
  const server = await startServer(t, {
    accounts: ['ana', 'eva'],
    files: { secret: `${CLIENT.secret}\n` },
    mainCf:
      `oauth_issuer = ${issuer.url}\noauth_audience = other, ${AUDIENCE}\noauth_scope = mail\n` +
      `oauth_client_id = ${CLIENT.id}\noauth_client_secret_file = $config_directory/secret\n`,
  })
  const talk = talkTo(t, server)
  const good = await issuer.token()
  const challenge = {
    status: 'invalid_token',
    scope: 'mail',
    'openid-configuration': `${issuer.url}/.well-known/openid-configuration`,
  }
  for (const protocol of PROTOCOLS) {
    assert.match(await (await talk(protocol)).mechanisms(), /OAUTHBEARER XOAUTH2$/)
    // A command of POP3 is too short for a token (RFC 5034 §4).
    const first = (token: Buffer): [Buffer | undefined, ...(() => Buffer)[]] =>
      protocol === 'pop3' ? [undefined, () => token] : [token]
    assert.match(
      (await (await talk(protocol)).authenticate('OAUTHBEARER', ...first(bearer(good)))).reply,
      DONE[protocol],
    )
    const old = Buffer.from(`user=ana@${DOMAIN}\x01auth=Bearer ${good}\x01\x01`)
    assert.match((await (await talk(protocol)).authenticate('XOAUTH2', ...first(old))).reply, DONE[protocol])
    const on = await talk(protocol)
    const bad = await on.authenticate('OAUTHBEARER', bearer('x'), () => Buffer.from('\x01'))
    assert.match(bad.reply, REFUSED[protocol])
    assert.deepEqual(JSON.parse(bad.challenges[0] ?? ''), challenge)
    assert.match((await on.authenticate('OAUTHBEARER', undefined, () => bearer(good, 'eva'))).reply, REFUSED[protocol])
    assert.match((await on.authenticate('OAUTHBEARER', undefined, () => bearer(good, 'ana'))).reply, DONE[protocol])
    const plain = await TlsDialogue.open(t, protocol, server.port(protocol))
    assert.match((await plain.authenticate('OAUTHBEARER', bearer(good))).reply, /^(?:5\d\d|NO|-ERR)/)
  }
  await server.logged(/SASL OAUTHBEARER authentication failed/)
  assert.doesNotMatch(server.log(), new RegExp(RegExp.escape(good.slice(-20))))
})

test('an issuer that is away is a temporary failure', async (t) => {
  const issuer = await startIssuer(t)
  issuer.down = true
  const server = await startServer(t, {
    accounts: ['ana'],
    mainCf: `oauth_issuer = ${issuer.url}\noauth_audience = ${AUDIENCE}\n`,
  })
  const token = await issuer.token()
  for (const protocol of PROTOCOLS) {
    const on = await talkTo(t, server)(protocol)
    assert.match((await on.authenticate('OAUTHBEARER', undefined, () => bearer(token))).reply, AWAY[protocol])
  }
  assert.equal(issuer.asked.length, 1, 'it is left in peace for a while')
  await server.logged(/oauth_issuer http:\/\/127\.0\.0\.1:\d+: http\S+: status 500/)
})
