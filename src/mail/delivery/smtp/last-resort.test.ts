import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clientSettingsOf } from './fixture.test.ts'
import { lastResort, type LastSite } from './last-resort.ts'

test('servers that cannot be found: bounced, waiting as a mistake of ours, or handed on', () => {
  const site: LastSite = { site: 'a.test', isFallback: false, nexthop: 'a.test', transport: 'smtp', protocol: 'smtp' }
  const table: [dsn: string, more: Partial<LastSite>, settings: Record<string, string>, expected: string][] = [
    ['5.4.4', {}, {}, 'bounced 5.4.4'],
    ['4.4.3', {}, { relayhost: 'a.test' }, 'deferred 4.4.3'],
    ['5.4.4', {}, { relayhost: 'a.test' }, 'deferred 4.3.5'],
    ['5.4.4', {}, { relayhost: 'b.test' }, 'bounced 5.4.4'],
    ['5.4.4', { isFallback: true }, {}, 'deferred 4.3.5'],
    ['5.4.4', { protocol: 'lmtp' }, { relayhost: 'a.test' }, 'bounced 5.4.4'],
    ['5.4.6', {}, {}, 'bounced 5.4.6'],
    ['5.4.6', {}, { best_mx_transport: 'local' }, 'local a.test'],
    ['5.4.6', {}, { best_mx_transport: 'relay:[b.test]:26' }, 'relay [b.test]:26'],
    ['5.4.6', {}, { best_mx_transport: 'smtp' }, 'bounced 5.4.6'],
    ['5.4.4', {}, { best_mx_transport: 'local' }, 'bounced 5.4.4'],
  ]
  for (const [dsn, more, settings, expected] of table) {
    const status = dsn.startsWith('5') ? 'bounced' : 'deferred'
    const end = lastResort({ status, dsn, text: '' }, { ...site, ...more }, clientSettingsOf(settings))
    const got = 'transport' in end ? `${end.transport} ${end.nexthop}` : `${end.failure.status} ${end.failure.dsn}`
    assert.equal(got, expected, `${dsn} ${JSON.stringify({ ...more, ...settings })}`)
  }
})
