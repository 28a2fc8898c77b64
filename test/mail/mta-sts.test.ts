/** MTA-STS from the TXT record to the handshake: DNS, a web server on port 443 and mail servers, all on this machine. RFC 8461. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { createResolver } from '#src/io/dns/mod.ts'
import { openDatabase } from '#src/io/db/mod.ts'
import { sendHttp } from '#src/io/net/mod.ts'
import { deliverySchema, StsPolicies, stsCache, TlsCounts } from '#src/mail/delivery/mod.ts'
import { parseZone, startDns } from '../interop/postfix/dns.ts'
import { type Certified, certificateMaker } from '../support/authority.ts'
import { startClient } from '../support/smtp-agent.ts'
import { withoutRoot } from '../support/system-user.ts'
import { startTlsSink, type TlsSink } from '../support/tls-sink.ts'

/** Ports below 1024 of this address are nobody else's. */
const WEB = `127.82.${(process.pid >> 8) & 255}.${process.pid & 255}`

interface World {
  readonly sink: TlsSink
  /** Policies by domain, and what is shown instead of a certificate that fits. */
  readonly policies: Map<string, string>
  readonly redirects: Set<string>
  /** Hands mail to the domain: what is reported. */
  readonly deliver: (
    domain: string,
    settings?: Readonly<Record<string, string>>,
    times?: number,
  ) => Promise<readonly string[]>
  readonly notes: () => string
  /** What was counted for reports, by domain. */
  readonly counted: () => Promise<readonly string[]>
}

async function startWeb(t: TestContext, world: Pick<World, 'policies' | 'redirects'>, shown: Certified): Promise<void> {
  const server = createServer({ cert: shown.cert, key: shown.key }, (request, response) => {
    const domain = (request.headers.host ?? '').replace(/^mta-sts\./, '')
    const text = world.policies.get(domain)
    if (world.redirects.has(domain)) response.writeHead(301, { location: `https://mta-sts.good.test${request.url}` })
    else response.writeHead(text === undefined ? 404 : 200, { 'content-type': 'text/plain' })
    response.end(text)
  })
  server.listen(443, WEB)
  await once(server, 'listening')
  t.after(() => server.close().closeAllConnections())
}

async function worldOf(t: TestContext, domains: readonly string[]): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-sts-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const { make } = certificateMaker(t)
  const root = make('Root')
  writeFileSync(join(dir, 'root.pem'), root.cert)
  const names = ['mta-sts.good.test', ...domains.map((domain) => `mta-sts.${domain}`)].filter(
    (name) => !/strange/.test(name),
  )
  const policies = new Map<string, string>()
  const redirects = new Set<string>()
  await startWeb(t, { policies, redirects }, make('web', { by: root, names }))
  const sink = await startTlsSink(t, make('mx', { by: root, names: ['mx.host.test'] }))
  const zone = domains.flatMap((domain) => [
    `${domain} MX 10 mx.host.test`,
    `_mta-sts.${domain} TXT v=STSv1; id=1;`,
    `mta-sts.${domain} A ${WEB}`,
  ])
  const text = [...zone, 'mx.host.test A 127.0.0.1', 'other.test MX 10 other.host.test', 'other.host.test A 127.0.0.1']
  const dns = await startDns('127.0.0.1', parseZone(text.join('\n')), undefined, 0)
  t.after(() => dns.stop())
  const resolver = createResolver({ servers: [`127.0.0.1:${dns.port}`] })
  t.after(() => resolver.close())
  const db = openDatabase({ path: ':memory:', schemas: [deliverySchema] })
  t.after(() => db.close())
  const sts = new StsPolicies({ cache: stsCache(db), send: sendHttp, now: () => Date.now() })
  const counts = new TlsCounts(db, () => Date.now())
  const notes: string[] = []
  return {
    sink,
    async counted() {
      await counts.flush()
      const rows = counts.due(Number.MAX_SAFE_INTEGER).flatMap(({ day, domain }) => counts.list(day, domain))
      return rows.map(({ domain, policy: { type }, failure, sessions }) => `${domain} ${type} ${failure}${sessions}`)
    },
    policies,
    redirects,
    notes: () => notes.join('\n'),
    async deliver(domain, settings = {}, times = 1) {
      const common = {
        smtp_tls_security_level: 'may',
        smtp_tcp_port: String(sink.port),
        mta_sts_enable: 'yes',
        smtp_tlsrpt_enable: 'yes',
      }
      const trusted = { smtp_tls_CAfile: join(dir, 'root.pem'), smtp_tls_loglevel: '1' }
      const client = startClient(t, { ...common, ...trusted, ...settings }, resolver, { sts, counts })
      const said: string[] = []
      for (let n = 0; n < times; n++) said.push(...(await client.deliver(domain)))
      notes.push(...client.notes.splice(0))
      return said
    },
  }
}

const policy = (mode: string, mx: string): string => `version: STSv1\nmode: ${mode}\nmx: ${mx}\nmax_age: 86400\n`

test('mail goes by the policies that domains publish', { skip: withoutRoot ?? false }, async (t) => {
  const domains = ['good.test', 'forged.test', 'testing.test', 'none.test', 'moved.test', 'strange.test', 'away.test']
  const world = await worldOf(t, domains)
  const { policies, redirects, deliver, notes, sink } = world
  policies.set('good.test', policy('enforce', '*.host.test'))
  policies.set('forged.test', policy('enforce', 'mail.forged.test'))
  policies.set('testing.test', policy('testing', 'mail.testing.test'))
  policies.set('none.test', policy('none', 'mail.none.test'))
  policies.set('strange.test', policy('enforce', 'mail.strange.test'))
  policies.set('moved.test', policy('enforce', 'mail.moved.test'))
  redirects.add('moved.test')

  assert.match((await deliver('good.test'))[0] ?? '', /^2\.0\.0 sent /)
  assert.match(notes(), /^Verified TLS connection established to mx\.host\.test/m)
  assert.deepEqual(sink.asked, ['mx.host.test'])
  // Whoever forges MX records wins nothing: the policy names the servers.
  assert.deepEqual(await deliver('forged.test'), [
    '4.7.5 deferred none server mx.host.test is not in the MTA-STS policy of the domain',
  ])
  for (const domain of domains.slice(2)) assert.match((await deliver(domain))[0] ?? '', /^2\.0\.0 sent /, domain)
  assert.match(notes(), /MTA-STS policy of moved\.test: the server answers with status 301/)
  assert.match(notes(), /MTA-STS policy of strange\.test: .*altnames/)
  assert.match(notes(), /MTA-STS policy of away\.test: the server answers with status 404/)
  assert.deepEqual(await world.counted(), [
    'away.test no-policy-found 1',
    'away.test sts sts-policy-fetch-error1',
    'forged.test sts validation-failure1',
    'good.test sts 1',
    'moved.test no-policy-found 1',
    'moved.test sts sts-policy-fetch-error1',
    'none.test no-policy-found 1',
    'strange.test no-policy-found 1',
    'strange.test sts sts-webpki-invalid1',
    'testing.test sts validation-failure1',
  ])
  // A table of the postmaster's goes before, and without the parameter nothing is looked at.
  const listed = { smtp_tls_policy_maps: 'inline:{forged.test=may}' }
  assert.match((await deliver('forged.test', listed))[0] ?? '', /^2\.0\.0 sent /)
  assert.match((await deliver('forged.test', { mta_sts_enable: 'no' }))[0] ?? '', /^2\.0\.0 sent /)
  assert.match((await deliver('forged.test', { smtp_tls_security_level: 'encrypt' }))[0] ?? '', /^4\.7\.5 deferred/)
})

test(
  'a server of the policy must be who it says, and TLS may not be taken away',
  { skip: withoutRoot ?? false },
  async (t) => {
    const world = await worldOf(t, ['good.test', 'half.test'])
    world.policies.set('good.test', policy('enforce', '*.host.test'))
    const { make } = certificateMaker(t)
    const wrong = await startTlsSink(t, make('mx', { names: ['mx.host.test'] }))
    assert.deepEqual(await world.deliver('good.test', { smtp_tcp_port: String(wrong.port) }), [
      `4.7.5 deferred mx.host.test[127.0.0.1]:${wrong.port} Server certificate not verified`,
    ])
    const plain = await startTlsSink(t, { ...make('mx', { names: ['mx.host.test'] }), plain: true })
    assert.match(
      (await world.deliver('good.test', { smtp_tcp_port: String(plain.port) }))[0] ?? '',
      /TLS is required, but was not offered/,
    )
    assert.deepEqual([wrong.took, plain.took], [[], []])
    // What is not reported: a session without a domain, one that goes on, and any where nobody counts.
    world.policies.set('half.test', policy('testing', '*.host.test'))
    for (const settings of [{}, { smtp_tlsrpt_enable: 'no' }, { smtp_tls_security_level: 'none' }])
      assert.match((await world.deliver('half.test', settings))[0] ?? '', /^2\.0\.0 sent /)
    assert.match((await world.deliver('half.test', { smtp_tcp_port: String(plain.port) }))[0] ?? '', /^2\.0\.0 sent /)
    assert.deepEqual(await world.counted(), [
      'good.test sts certificate-not-trusted1',
      'good.test sts starttls-not-supported1',
      'half.test sts 1',
      'half.test sts starttls-not-supported1',
    ])
  },
)

test(
  'smtp_tlsrpt_skip_reused_handshakes leaves out what goes on with a session',
  { skip: withoutRoot ?? false },
  async (t) => {
    const world = await worldOf(t, ['a.test', 'b.test'])
    const cache = { mta_sts_enable: 'no', smtp_tls_session_cache_database: 'btree:x', smtp_tls_protocols: '<=TLSv1.2' }
    await world.deliver('a.test', cache, 3)
    await world.deliver('b.test', { ...cache, smtp_tlsrpt_skip_reused_handshakes: 'yes' }, 3)
    assert.deepEqual(await world.counted(), ['a.test no-policy-found 3', 'b.test no-policy-found 1'])
  },
)
