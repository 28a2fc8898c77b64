import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Resolver } from '../../../io/dns/mod.ts'
import { createTables } from '../../../io/tables/mod.ts'
import { clientSettingsOf } from './fixture.test.ts'
import { matches } from './tls.ts'
import { TlsPolicyError } from './tls-errors.ts'
import { tlsPolicy } from './tls-policy.ts'

async function levelOf(settings: Record<string, string>, nexthop: string, host: string): Promise<string> {
  const tables = createTables({ directory: '/' })
  try {
    const sources = {
      maps: (spec: string) => tables.maps(spec),
      anchors: () => [],
      dns: {} as Resolver,
      note: () => {},
    }
    const policy = await tlsPolicy(
      clientSettingsOf(settings),
      { nexthop, host, protocol: 'smtp', target: undefined } as const,
      sources,
    )
    return [policy.level, ...policy.match].join(' ')
  } catch (error) {
    if (!(error instanceof TlsPolicyError)) throw error
    return `${error.dsn} ${error.message}`
  } finally {
    tables.close()
  }
}

test('smtp_tls_per_site asks for the next hop and for the host; the stronger answer counts', async () => {
  const table = 'inline:{a.test=MAY, b.test=none, c.test=MUST, d.test=must_nopeermatch, x.test=maybe}'
  const rows: [main: string, nexthop: string, host: string, level: string][] = [
    ['none', 'a.test', 'mx.test', 'may'],
    ['none', 'mx.test', 'a.test', 'may'],
    ['may', 'a.test', 'b.test', 'none'],
    ['may', 'b.test', 'a.test', 'none'],
    ['none', 'b.test', 'd.test', 'encrypt'],
    ['none', 'c.test', 'd.test', 'verify hostname'],
    ['encrypt', 'a.test', 'mx.test', 'encrypt'],
    ['verify', 'a.test', 'b.test', 'none'],
    ['verify', 'd.test', 'mx.test', 'encrypt'],
    ['verify', 'elsewhere.test', 'mx.test', 'verify hostname'],
    [
      'none',
      'elsewhere.test',
      'x.test',
      "4.7.5 smtp_tls_per_site: unknown TLS policy 'maybe' for server hostname x.test",
    ],
  ]
  for (const [smtp_tls_security_level, nexthop, host, level] of rows) {
    const settings = { smtp_tls_security_level, smtp_tls_per_site: table }
    assert.equal(await levelOf(settings, nexthop, host), level, `${smtp_tls_security_level} ${nexthop} ${host}`)
  }
  const both = { smtp_tls_per_site: table, smtp_tls_policy_maps: 'inline:{a.test=encrypt}' }
  assert.equal(await levelOf(both, 'c.test', 'c.test'), 'none')
})

test('smtp_tls_policy_maps by next hop and its parents, with attributes', async () => {
  const rows: [policy: string, nexthop: string, level: string][] = [
    ['inline:{a.test=encrypt}', 'A.test', 'encrypt'],
    ['inline:{.a.test=encrypt}', 'x.y.a.test', 'encrypt'],
    ['inline:{.a.test=encrypt}', '[x.a.test]', 'none'],
    ['inline:{{[x.a.test]:26=encrypt}}', '[x.a.test]:26', 'encrypt'],
    ['static:{verify match=a:b match=c}', 'a.test', 'verify a b c'],
    ['static:{fingerprint match=AA match=BB|CC}', 'a.test', 'fingerprint AA BB CC'],
    ['static:{encrypt connection_reuse=yes enable_rpk=no}', 'a.test', 'encrypt'],
    [
      'static:{may match=x}',
      'a.test',
      '4.7.5 smtp_tls_policy_maps, next-hop destination "a.test": attribute "match" invalid at security level "may"',
    ],
    [
      'static:{encrypt colour=red}',
      'a.test',
      '4.7.5 smtp_tls_policy_maps, next-hop destination "a.test": invalid attribute name: "colour"',
    ],
    [
      'static:{secure policy_ttl=60}',
      'a.test',
      '4.7.5 smtp_tls_policy_maps, next-hop destination "a.test": built-in policy has unexpected attribute policy_ttl, policy_domain, policy_string, mx_host_pattern or policy_failure',
    ],
  ]
  for (const [smtp_tls_policy_maps, nexthop, level] of rows)
    assert.equal(await levelOf({ smtp_tls_policy_maps }, nexthop, nexthop), level, smtp_tls_policy_maps)
})

test('a policy of MTA-STS holds for the servers that it names, and for no other', async () => {
  const policy =
    'static:{secure match=a.test:b.test policy_type=sts mx_host_pattern=MX.a.test {mx_host_pattern=*.b.test}}'
  const rows: [host: string, level: string][] = [
    ['mx.a.test', 'secure hostname'],
    ['mx.b.test', 'secure hostname'],
    ['mx.x.b.test', '4.7.5 server mx.x.b.test is not in the MTA-STS policy of the domain'],
    ['b.test', '4.7.5 server b.test is not in the MTA-STS policy of the domain'],
    ['other.test', '4.7.5 server other.test is not in the MTA-STS policy of the domain'],
  ]
  for (const [host, level] of rows) assert.equal(await levelOf({ smtp_tls_policy_maps: policy }, 'a.test', host), level)
  const off = { smtp_tls_policy_maps: policy, smtp_tls_enforce_sts_mx_patterns: 'no' }
  assert.equal(await levelOf(off, 'a.test', 'other.test'), 'secure a.test b.test')
  const plain = { smtp_tls_policy_maps: 'static:{secure policy_type=no-policy-found mx_host_pattern=x.test}' }
  assert.equal(await levelOf(plain, 'a.test', 'other.test'), 'secure nexthop dot-nexthop')
})

test('TLS from the first octet on wants a level that is never without', async () => {
  const wrapper = { smtp_tls_wrappermode: 'yes' }
  const wants = 'smtp_tls_wrappermode requires "smtp_tls_security_level = encrypt" (or stronger)'
  assert.equal(await levelOf({ ...wrapper, smtp_tls_security_level: 'may' }, 'a.test', 'a.test'), `4.3.0 ${wants}`)
  assert.equal(await levelOf({ ...wrapper, smtp_tls_security_level: 'encrypt' }, 'a.test', 'a.test'), 'encrypt')
})

test('names of certificates: a star stands for one label, or for several as is set', () => {
  const rows: [certified: string, pattern: string, several: boolean, one: boolean][] = [
    ['a.test', 'a.test', true, true],
    ['A.test', 'a.test', true, true],
    ['b.test', 'a.test', false, false],
    ['*.test', 'a.test', true, true],
    ['*.far.test', 'a.b.far.test', true, false],
    ['*.far.test', 'far.test', false, false],
    ['*.far.test', 'afar.test', false, false],
    ['*.', 'a.test', false, false],
    ['a.b.test', '.test', true, true],
    ['*.test', '.test', true, true],
    ['test', '.test', false, false],
    ['a.test', '', false, false],
  ]
  for (const [certified, pattern, several, one] of rows) {
    assert.equal(matches(certified, pattern, true), several, `${certified} ${pattern}`)
    assert.equal(matches(certified, pattern, false), one, `${certified} ${pattern}, one label`)
  }
})
