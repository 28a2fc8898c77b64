import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsAnswer, Resolver } from '../../../io/dns/mod.ts'
import { findTargets, parseNexthop } from './targets.ts'

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
  'away.test MX': { status: 'failed', reason: 'SERVFAIL' },
}) as Resolver // findTargets asks questions only

const settings = {
  myhostname: 'self.test',
  inet_protocols: ['all'],
  ignore_mx_lookup_error: false,
  smtp_tcp_port: 'smtp',
  smtp_host_lookup: ['dns'],
  smtp_address_preference: 'any',
  smtp_randomize_addresses: false,
  smtp_mx_address_limit: 5,
  smtp_defer_if_no_mx_address_found: false,
} as const

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
    const found = await findTargets(parseNexthop(nexthop, 'smtp'), settings, world)
    const got =
      found.status === 'ok'
        ? found.targets.map((t) => `${t.address}:${t.port}`).join(' ')
        : `${found.status} ${found.dsn}`
    assert.equal(got, expected, nexthop)
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
  const table: [string, Partial<Parameters<typeof findTargets>[1]>, string][] = [
    ['both.test', {}, '2001:db8::6 192.0.2.1 192.0.2.2'],
    ['both.test', { smtp_address_preference: 'ipv4' }, '192.0.2.1 2001:db8::6 192.0.2.2'],
    ['both.test', { inet_protocols: ['ipv4'] }, '192.0.2.1 192.0.2.2'],
    ['both.test', { smtp_mx_address_limit: 1 }, '2001:db8::6'],
    ['dark.test', {}, 'bounced'],
    ['dark.test', { smtp_defer_if_no_mx_address_found: true }, 'deferred'],
    ['away.test', {}, 'deferred'],
    ['away.test', { ignore_mx_lookup_error: true }, '192.0.2.7'],
  ]
  for (const [host, changed, expected] of table) {
    const found = await findTargets({ host, port: 25, noMx: false }, { ...settings, ...changed }, both)
    const got = found.status === 'ok' ? found.targets.map((target) => target.address).join(' ') : found.status
    assert.equal(got, expected, `${host} ${JSON.stringify(changed)}`)
  }
  const loop = await findTargets({ host: 'both.test', port: 25, noMx: false }, settings, both, (x) => x === '192.0.2.1')
  assert.equal(loop.status === 'ok' ? '' : loop.text, 'mail for both.test loops back to myself')
})

test('nexthops as transport(5) writes them', () => {
  assert.deepEqual(parseNexthop('mx.test:587', 'smtp'), { host: 'mx.test', port: 587, noMx: false })
  assert.deepEqual(parseNexthop('[mx.test]:submission', '24'), { host: 'mx.test', port: 587, noMx: true })
  assert.deepEqual(parseNexthop('mx.test', '24'), { host: 'mx.test', port: 24, noMx: false })
})
