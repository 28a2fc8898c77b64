import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normalisedReason } from './queue-report.ts'

test('reasons are grouped without what differs between recipients', () => {
  const same: readonly (readonly string[])[] = [
    [
      'connect to mx1.a.test[192.0.2.1]:25: Connection refused',
      'connect to mx2.b.test[2001:db8::1]:25: Connection refused',
      'delivery temporarily suspended: connect to mx1.a.test[192.0.2.1]:25: Connection refused',
    ],
    [
      'host mx.a.test[192.0.2.1] said: 450 4.2.1 <ana@a.test>: try later (in reply to RCPT TO command)',
      'host mx.b.test[192.0.2.9] said: 450 4.2.1 <eva@b.test>: try later (in reply to RCPT TO command)',
    ],
    [
      'Host or domain name not found. Name service error for name=a.test type=MX: Host not found, try again',
      'Host or domain name not found. Name service error for name=b.test type=MX: Host not found, try again',
    ],
  ]
  const causes = same.map((reasons) => [...new Set(reasons.map(normalisedReason))])
  for (const [i, found] of causes.entries()) assert.equal(found.length, 1, `${same[i]?.[0]}: ${found.join(' / ')}`)
  assert.equal(new Set(causes.flat()).size, same.length)
})
