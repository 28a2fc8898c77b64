import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ownAddress } from './bind.ts'

test('mail leaves from the only address that the system has', () => {
  const table: [string, 4 | 6, string | undefined][] = [
    ['all', 4, undefined],
    ['loopback-only', 4, undefined],
    ['192.0.2.1', 4, '192.0.2.1'],
    ['192.0.2.1, [2001:db8::1]', 6, '2001:db8::1'],
    ['192.0.2.1 192.0.2.2', 4, undefined],
    ['192.0.2.1, mail.example', 4, undefined],
    ['127.0.0.1', 4, undefined],
    ['::1', 6, undefined],
    ['192.0.2.1', 6, undefined],
  ]
  for (const [interfaces, family, expected] of table)
    assert.equal(ownAddress(interfaces, family), expected, `${interfaces} ${family}`)
})
