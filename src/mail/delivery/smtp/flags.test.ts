import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveryJob } from '../../queue/mod.ts'
import { transportFault } from '../transport-fault.ts'
import { allowedBy } from './flags.ts'

const job = (recipients: number): DeliveryJob => {
  const all = Array.from({ length: recipients }, (_, id) => ({
    id,
    address: `r${id}@x.test`,
    original: '',
    transport: 'strict',
    nexthop: 'x.test',
  }))
  const content = Buffer.from('Subject: x\r\n\r\n')
  return {
    queueId: 'Q',
    transport: 'strict',
    nexthop: 'x.test',
    sender: '',
    recipients: all,
    arrivalMs: 0,
    sizeOctets: content.length,
    smtpUtf8: false,
    saslUsername: '',
    at: { segment: 1, offset: 0, length: content.length },
    read: (from, to) => content.subarray(from, to),
  }
}

test('flags of a transport are those of smtp(8), and D and O want one recipient', () => {
  assert.deepEqual(allowedBy([], job(2)), { flags: new Set() })
  assert.deepEqual(allowedBy(['flags=RX'], job(2)), { flags: new Set(['R', 'X']) })
  assert.deepEqual(allowedBy(['flags=DO'], job(1)), { flags: new Set(['D', 'O']) })
  assert.deepEqual(allowedBy(['flags=O'], job(2)), {
    failure: { status: 'deferred', dsn: '4.3.5', text: 'mail system configuration error' },
    warning: "flag `O' requires strict_destination_recipient_limit = 1",
  })
})

test('what is wrong with an entry can be told before there is mail', () => {
  const fault = (command: string, ...args: string[]): string | undefined => transportFault({ name: 'n', command, args })
  assert.equal(fault('smtp', 'flags=DORX'), undefined)
  assert.equal(fault('lmtp', 'flags=Q'), 'unknown flag: Q in flags=Q')
  assert.equal(fault('smtp', 'relay'), 'unexpected command-line argument: relay')
  assert.equal(fault('pipe', 'user=x'), 'missing argv= command-line attribute')
  assert.equal(fault('smtpd', 'anything'), undefined)
})
