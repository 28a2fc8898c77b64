/** postscreen_dnsbl_sites. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testDns } from '../../../mail/policy/fixture.test.ts'
import { DnsScore, parseSite } from './dns-score.ts'

const ZONE = {
  '7.2.0.192.one.test': { A: ['127.0.0.2', '127.0.0.11'] },
  '7.2.0.192.two.test': { A: ['127.0.3.0'] },
  '7.2.0.192.fail.test': {},
}

async function scored(...sites: readonly string[]): Promise<[number, string]> {
  const score = new DnsScore(sites, testDns(ZONE), { selfTest: false, limitMs: 1000 })
  const { score: sum, domain } = await score.of('192.0.2.7')
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
