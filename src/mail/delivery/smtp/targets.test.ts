import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServicePorts } from '../../../io/config/mod.ts'
import type { DnsAnswer, Resolver } from '../../../io/dns/mod.ts'
import { clientSettingsOf } from './fixture.test.ts'
import { inSrvOrder } from './srv.ts'
import { findTargets, type Lookup, parseNexthop, type Targets } from './targets.ts'

const PORTS = new ServicePorts()

/** `name TYPE` → answer; what is not named does not exist. */
function dns(answers: Readonly<Record<string, DnsAnswer>>): Pick<Resolver, 'query'> {
  return { query: (name, type) => Promise.resolve(answers[`${name} ${type}`] ?? { status: 'nodata', secure: false }) }
}

const mx = (...list: readonly (readonly [number, string])[]): DnsAnswer => ({
  status: 'ok',
  ttlSeconds: 60,
  secure: false,
  records: list.map(([preference, value]) => ({ type: 'MX', value, preference, ttlSeconds: 60 })),
})
const a = (value: string): Extract<DnsAnswer, { status: 'ok' }> => ({
  status: 'ok',
  ttlSeconds: 60,
  secure: false,
  records: [{ type: 'A', value, ttlSeconds: 60 }],
})

const world = dns({
  'two.test MX': mx([20, 'b.test'], [10, 'a.test']),
  'a.test A': a('192.0.2.1'),
  'b.test A': a('192.0.2.2'),
  'plain.test A': a('192.0.2.3'),
  'null.test MX': mx([0, '']),
  'backup.test MX': mx([10, 'a.test'], [20, 'Self.test.'], [30, 'b.test']),
  'loop.test MX': mx([10, 'self.test'], [20, 'b.test']),
  'gone.test MX': { status: 'nxdomain', secure: false },
  'alias.test A': {
    status: 'ok',
    ttlSeconds: 60,
    secure: false,
    records: [{ type: 'A', name: 'real.test', value: '192.0.2.4', ttlSeconds: 60 }],
  },
  'away.test MX': { status: 'failed', reason: 'SERVFAIL' },
}) as Resolver // findTargets asks questions only

const BASE = {
  inet_protocols: 'all',
  smtp_randomize_addresses: 'no',
}

const find = (
  nexthop: string,
  resolver: Resolver,
  set: Record<string, string> = {},
  more: Partial<Lookup> = {},
): Promise<Targets> => {
  const cf = clientSettingsOf({ ...BASE, ...set })
  const lookup = {
    cf,
    dns: resolver,
    protocol: 'smtp',
    ports: PORTS,
    isOwnAddress: () => false,
    note: () => {},
    ...more,
  } as const
  return findTargets(parseNexthop(nexthop, cf.smtp_tcp_port, PORTS), lookup)
}

const said = (found: Targets): string =>
  found.status === 'ok' ? found.targets.map((t) => `${t.address}:${t.port}`).join(' ') : `${found.status} ${found.dsn}`

test('servers of a nexthop, in order', async () => {
  const table: [string, string][] = [
    ['two.test', '192.0.2.1:25 192.0.2.2:25'],
    ['two.test:2525', '192.0.2.1:2525 192.0.2.2:2525'],
    ['[a.test]', '192.0.2.1:25'],
    ['[192.0.2.9]:26', '192.0.2.9:26'],
    ['[ipv6:2001:db8::1]', '2001:db8::1:25'],
    ['plain.test', '192.0.2.3:25'],
    ['null.test', 'bounced 5.1.0'],
    ['gone.test', 'bounced 5.4.4'],
    ['away.test', 'deferred 4.4.3'],
    ['backup.test', '192.0.2.1:25'],
    ['loop.test', 'bounced 5.4.6'],
  ]
  for (const [nexthop, expected] of table) {
    assert.equal(said(await find(nexthop, world)), expected, nexthop)
  }
})

test('settings choose among addresses', async () => {
  const both = dns({
    'both.test MX': mx([10, 'six.test'], [10, 'a.test'], [20, 'b.test']),
    'six.test AAAA': { ...a('2001:db8::6'), records: [{ type: 'AAAA', value: '2001:db8::6', ttlSeconds: 60 }] },
    'a.test A': a('192.0.2.1'),
    'b.test A': a('192.0.2.2'),
    'dark.test MX': mx([10, 'nowhere.test']),
    'away.test MX': { status: 'failed', reason: 'SERVFAIL' },
    'away.test A': a('192.0.2.7'),
  }) as Resolver // asks questions only
  const table: [string, Record<string, string>, string][] = [
    ['both.test', {}, '2001:db8::6 192.0.2.1 192.0.2.2'],
    ['both.test', { smtp_address_preference: 'ipv4' }, '192.0.2.1 2001:db8::6 192.0.2.2'],
    ['both.test', { inet_protocols: 'ipv4' }, '192.0.2.1 192.0.2.2'],
    ['both.test', { smtp_mx_address_limit: '1' }, '2001:db8::6'],
    ['dark.test', {}, 'bounced'],
    ['dark.test', { smtp_defer_if_no_mx_address_found: 'yes' }, 'deferred'],
    ['away.test', {}, 'deferred'],
    ['away.test', { ignore_mx_lookup_error: 'yes' }, '192.0.2.7'],
  ]
  for (const [host, changed, expected] of table) {
    const found = await find(host, both, changed)
    const got = found.status === 'ok' ? found.targets.map((target) => target.address).join(' ') : found.status
    assert.equal(got, expected, `${host} ${JSON.stringify(changed)}`)
  }
  const loop = await find('both.test', both, {}, { isOwnAddress: (x) => x === '192.0.2.1' })
  assert.equal(loop.status === 'ok' ? '' : loop.text, 'mail for both.test loops back to myself')
})

test('SRV records: by priority and weight, and what takes their place', async () => {
  const srv = (...list: readonly (readonly [number, number, number, string])[]): DnsAnswer => ({
    status: 'ok',
    ttlSeconds: 60,
    secure: false,
    records: list.map(([preference, weight, port, value]) => ({
      type: 'SRV',
      value,
      preference,
      weight,
      port,
      ttlSeconds: 60,
    })),
  })
  const services = dns({
    '_submission._tcp.a.test SRV': srv([20, 0, 587, 'b.test'], [10, 0, 1587, 'a.test']),
    '_587._tcp.a.test SRV': srv([10, 0, 2587, 'b.test']),
    '_submission._tcp.null.test SRV': srv([0, 0, 0, '.']),
    '_submission._tcp.away.test SRV': { status: 'failed', reason: 'SERVFAIL' },
    'away.test MX': mx([10, 'a.test']),
    'none.test MX': mx([10, 'b.test']),
    'null.test MX': mx([10, 'b.test']),
    'a.test A': a('192.0.2.1'),
    'b.test A': a('192.0.2.2'),
  }) as Resolver // asks questions only
  const use = { use_srv_lookup: 'submission, 587' }
  const fallback = { ...use, allow_srv_lookup_fallback: 'yes' }
  const ignore = { ...use, ignore_srv_lookup_error: 'yes' }
  const table: [nexthop: string, set: Record<string, string>, expected: string][] = [
    ['a.test:submission', use, '192.0.2.1:1587 192.0.2.2:587'],
    ['a.test:587', use, '192.0.2.2:2587'],
    ['a.test', { ...use, smtp_tcp_port: 'submission' }, '192.0.2.1:1587 192.0.2.2:587'],
    ['a.test:submission', {}, '192.0.2.1:587'],
    ['[a.test]:submission', use, '192.0.2.1:587'],
    ['none.test:submission', use, 'bounced 5.4.4'],
    ['none.test:submission', ignore, 'bounced 5.4.4'],
    ['none.test:submission', fallback, '192.0.2.2:587'],
    ['away.test:submission', use, 'deferred 4.4.3'],
    ['away.test:submission', ignore, '192.0.2.1:587'],
    ['away.test:submission', fallback, '192.0.2.1:587'],
    ['null.test:submission', use, 'bounced 5.1.0'],
    ['null.test:submission', ignore, 'bounced 5.1.0'],
    ['null.test:submission', fallback, '192.0.2.2:587'],
  ]
  for (const [nexthop, set, expected] of table)
    assert.equal(said(await find(nexthop, services, set)), expected, `${nexthop} ${JSON.stringify(set)}`)
})

test('SRV weights: shares by chance, and a weight of nothing comes last', () => {
  const services = [0, 1, 3].map((weight) => ({ host: `w${weight}`, port: 1, priority: 1, weight }))
  const order = (...chances: number[]): string => {
    let at = 0
    return inSrvOrder(services, () => chances[at++] ?? 0)
      .map(({ host }) => host)
      .join(' ')
  }
  assert.equal(order(0, 0, 0), 'w0 w1 w3')
  assert.equal(order(0.3, 0, 0), 'w1 w0 w3')
  assert.equal(order(0.99, 0.99, 0), 'w3 w1 w0')
})

test('no MX and no DNS where DNS is switched off; LMTP asks for no MX', async () => {
  const asked: string[] = []
  const native: Pick<Resolver, 'query' | 'addresses'> = {
    query(name, type) {
      asked.push(`${name} ${type}`)
      return Promise.resolve(type === 'A' ? a('192.0.2.1') : { status: 'nodata', secure: false })
    },
    addresses: (host) =>
      Promise.resolve(host === 'a.test' ? { status: 'ok', addresses: ['192.0.2.8'] } : { status: 'none' }),
  }
  const resolver = native as Resolver // no other method is called
  for (const set of [{ disable_dns_lookups: 'yes' }, { smtp_dns_support_level: 'disabled' }])
    assert.equal(said(await find('a.test', resolver, set)), '192.0.2.8:25')
  assert.deepEqual(asked, [])
  const level = { disable_dns_lookups: 'yes', smtp_dns_support_level: 'enabled' }
  assert.equal(said(await find('a.test', resolver, level)), '192.0.2.1:25')
  assert.deepEqual(asked.splice(0), ['a.test MX', 'a.test A', 'a.test AAAA'])
  await find('a.test', resolver, {}, { protocol: 'lmtp' })
  assert.deepEqual(asked, ['a.test A', 'a.test AAAA'])
})

test('smtp_dns_resolver_options go with questions for addresses, not for MX', async () => {
  const asked: [string, unknown][] = []
  const resolver = {
    query(name: string, type: string, search: unknown) {
      asked.push([`${name} ${type}`, search])
      return Promise.resolve({ status: 'nodata', secure: false })
    },
  } as unknown as Resolver // asks questions only
  await find('a.test', resolver, { smtp_dns_resolver_options: 'res_defnames', inet_protocols: 'ipv4' })
  await find('[a.test]', resolver, { smtp_dns_resolver_options: 'res_defnames, res_dnsrch', inet_protocols: 'ipv4' })
  assert.deepEqual(asked, [
    ['a.test MX', undefined],
    ['a.test A', { defaultDomain: true, searchList: false }],
    ['a.test A', { defaultDomain: true, searchList: true }],
  ])
})

test('nexthops as transport(5) writes them', () => {
  assert.deepEqual(parseNexthop('mx.test:587', 'smtp', PORTS), {
    host: 'mx.test',
    port: 587,
    service: '587',
    isLiteral: false,
  })
  assert.deepEqual(parseNexthop('[mx.test]:submission', '24', PORTS), {
    host: 'mx.test',
    port: 587,
    service: 'submission',
    isLiteral: true,
  })
  assert.deepEqual(parseNexthop('mx.test', '24', PORTS), { host: 'mx.test', port: 24, service: '24', isLiteral: false })
})

test('a server is known by its own name, or by the one that CNAMEs lead to', async () => {
  for (const [overrides, name] of [
    ['no', 'alias.test'],
    ['yes', 'real.test'],
  ] as const) {
    const found = await find('[alias.test]', world, { smtp_cname_overrides_servername: overrides })
    assert.equal(found.status === 'ok' && found.targets[0]?.host, name)
  }
})

test('smtp_balance_inet_protocols: IPv4 is reached behind many IPv6 addresses', async () => {
  const six = Array.from({ length: 6 }, (_, i) => ({ type: 'AAAA', value: `2001:db8::${i}`, ttlSeconds: 60 }) as const)
  const many = dns({
    'many.test A': a('192.0.2.1'),
    'many.test AAAA': { status: 'ok', records: six, ttlSeconds: 60, secure: false },
  }) as Resolver // findTargets asks questions only
  for (const [balances, count] of [
    ['yes', 1],
    ['no', 0],
  ] as const) {
    const set = { smtp_address_preference: 'ipv6', smtp_balance_inet_protocols: balances }
    const found = await find('[many.test]', many, set)
    assert.ok(found.status === 'ok')
    assert.equal(found.targets.length, 5)
    assert.equal(found.targets.filter(({ address }) => address === '192.0.2.1').length, count)
  }
})
