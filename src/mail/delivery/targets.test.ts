import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsAnswer, Resolver } from '../../io/dns/mod.ts'
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
const a = (value: string): DnsAnswer => ({
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
    const found = await findTargets(nexthop, world, 'self.test')
    const got =
      found.status === 'ok'
        ? found.targets.map((t) => `${t.address}:${t.port}`).join(' ')
        : `${found.status} ${found.dsn}`
    assert.equal(got, expected, nexthop)
  }
})

test('nexthops as transport(5) writes them', () => {
  assert.deepEqual(parseNexthop('mx.test:587'), { host: 'mx.test', port: 587, noMx: false })
  assert.deepEqual(parseNexthop('[mx.test]:587'), { host: 'mx.test', port: 587, noMx: true })
})
