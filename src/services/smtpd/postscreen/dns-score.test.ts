/** postscreen_dnsbl_sites. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DnsAnswer, Resolver } from '../../../io/dns/mod.ts'
import { testDns } from '../../../mail/policy/fixture.test.ts'
import { DnsScore, parseSite } from './dns-score.ts'

const ZONE = {
  '7.2.0.192.one.test': { A: ['127.0.0.2', '127.0.0.11'] },
  '7.2.0.192.two.test': { A: ['127.0.3.0'] },
  '7.2.0.192.fail.test': {},
}

async function scored(...sites: readonly string[]): Promise<[number, string]> {
  const score = new DnsScore(sites, testDns(ZONE), { selfTest: false, limitMs: 1000 })
  const asking = score.ask('192.0.2.7', { listed: () => {}, late: () => {} })
  await asking.done
  const { score: sum, domain } = asking.now()
  return [sum, domain]
}

test('weights of the sites that have a client add up; the heaviest gives its name', async () => {
  assert.deepEqual(await scored('one.test'), [1, 'one.test'])
  assert.deepEqual(await scored('one.test*3', 'two.test*-2'), [1, 'one.test'])
  assert.deepEqual(await scored('one.test*2', 'two.test*5', 'none.test*9'), [7, 'two.test'])
  assert.deepEqual(await scored('one.test=127.0.0.[10;11]*4', 'one.test=127.0.0.3*8', 'one.test'), [5, 'one.test'])
  assert.deepEqual(await scored('x.fail.test*9', 'one.test'), [1, 'one.test'])
  assert.deepEqual(await scored('none.test'), [0, ''])
})

test('parseSite() knows what is none', () => {
  for (const text of ['', '=127.0.0.1', 'a.test=127.0.0', 'a.test*x', 'a.test**2'])
    assert.throws(() => parseSite(text), text)
})

test('lists of the score’s sign say how long it holds', async () => {
  const ttls: Readonly<Record<string, DnsAnswer>> = {
    clean700: { status: 'nxdomain', secure: false, ttlSeconds: 700 },
    clean900: { status: 'nodata', secure: false, ttlSeconds: 900 },
    silent: { status: 'nxdomain', secure: false },
    broken: { status: 'failed', reason: 'SERVFAIL' },
    good1100: answered(1100),
    bad1300: answered(1300),
  }
  const dns: Resolver = {
    ...testDns({}),
    query: async (name) => ttls[name.replace('7.2.0.192.', '').replace(/\.test$/, '')] ?? assert.fail(name),
  }
  // As Postfix 3.7 remembers such clients.
  const rows: readonly [sites: string, ttlSeconds: number][] = [
    ['clean700.test', 700],
    ['clean700.test clean900.test', 700],
    ['silent.test', 0],
    ['silent.test clean900.test', 0],
    ['broken.test clean700.test', 0],
    ['good1100.test*-2', 1100],
    ['good1100.test*-2 clean900.test', 900],
    ['good1100.test*-2 bad1300.test clean700.test', 700],
    ['bad1300.test clean700.test', 1300],
  ]
  for (const [sites, ttlSeconds] of rows) {
    const score = new DnsScore(sites.split(' '), dns, { selfTest: false, limitMs: 1000 })
    const asking = score.ask('192.0.2.7', { listed: () => {}, late: () => {} })
    await asking.done
    assert.equal(asking.now().ttlSeconds, ttlSeconds, sites)
  }
})

function answered(ttlSeconds: number): DnsAnswer {
  return { status: 'ok', records: [{ type: 'A', value: '127.0.0.2', ttlSeconds }], ttlSeconds, secure: false }
}
