import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryJob } from '../../queue/mod.ts'
import { clientSettingsOf } from './fixture.test.ts'
import { serverKey } from './reuse.ts'
import type { TlsPolicy } from './tls-policy.ts'

const encrypt: TlsPolicy = {
  level: 'encrypt',
  match: [],
  servername: '',
  protocols: ['>=TLSv1.2'],
  ciphers: 'medium',
  excluded: [],
  anchors: undefined,
  reuse: true,
}

test('a session is for those who would have opened the same', () => {
  const cf = clientSettingsOf({})
  const job = { transport: 'smtp', sender: '', smtpUtf8: false } as unknown as DeliveryJob // nothing else of it is looked at
  const key = (policy: TlsPolicy, site: string): string =>
    serverKey(cf, job, policy, { host: 'mx.test', endpoint: '192.0.2.1:25', site })
  const none = { level: 'none' } as const
  const rows: [one: Partial<TlsPolicy>, other: Partial<TlsPolicy>, isSame: boolean][] = [
    [{}, {}, true],
    [{}, { level: 'may' }, false],
    [{}, { protocols: ['>=TLSv1.3'] }, false],
    [{}, { ciphers: 'high' }, false],
    [{}, { excluded: ['RSA'] }, false],
    [{}, { servername: 'b.test' }, false],
    [{}, { reuse: false }, false],
    [{ servername: 'nexthop' }, { servername: 'nexthop' }, false],
    [{ level: 'secure' }, { level: 'secure' }, false],
    [none, { ...none, ciphers: 'high', servername: 'nexthop', reuse: false }, true],
  ]
  for (const [one, other, isSame] of rows) {
    const keys = [key({ ...encrypt, ...one }, 'a.test'), key({ ...encrypt, ...other }, 'b.test')]
    assert.equal(keys[0] === keys[1], isSame, JSON.stringify([one, other]))
  }
})
