/** The sender of address probes, which changes with time. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { facts, said, testPolicy } from './fixture.test.ts'
import { ProbeSender } from './probe-sender.ts'

const standard = (address: string): string => (address.includes('@') ? address : `${address}@mail.example.com`)
const HOUR = 3_600_000

test('without a time the sender of probes stays', () => {
  const sender = new ProbeSender({ address_verify_sender: 'double-bounce', address_verify_sender_ttl: 0 }, standard)
  assert.equal(sender.at(5 * HOUR), 'double-bounce@mail.example.com')
  assert.equal(sender.match('Double-Bounce@MAIL.example.com', 0), 'double-bounce@mail.example.com')
  assert.equal(sender.match('double-bounce1@mail.example.com', 0), undefined)
})

test('with one it matches in its own period, the one before and the one after', () => {
  const cf = { address_verify_sender: 'probe@example.org', address_verify_sender_ttl: HOUR }
  const sender = new ProbeSender(cf, standard)
  const table: [hours: number, address: string][] = [
    [10, 'probeB@example.org'], // no vowels
    [30, 'probeZ@example.org'],
    [31, 'probe10@example.org'],
    [490_000, 'probeJFWG@example.org'], // 2025-11-24
  ]
  for (const [hours, address] of table) {
    const now = hours * HOUR
    assert.equal(sender.at(now), address)
    for (const shift of [-1, 0, 1]) assert.equal(sender.match(address, now + shift * HOUR), 'probe@example.org')
    for (const shift of [-2, 2]) assert.equal(sender.match(address, now + shift * HOUR), undefined)
  }
  for (const address of [
    'probe@example.org',
    'probe10@example.com',
    'prob10@example.org',
    'probe10',
    'probe1A@example.org',
  ])
    assert.equal(sender.match(address, 31 * HOUR), undefined, address)
})

test('the null sender is for ever', () => {
  for (const name of ['', '<>']) {
    const sender = new ProbeSender({ address_verify_sender: name, address_verify_sender_ttl: HOUR }, standard)
    assert.equal(sender.at(HOUR), '')
    assert.equal(sender.match('', HOUR), undefined)
  }
})

test('a recipient that is a sender of probes is taken while it is one, and mail to it loses the time', async () => {
  const clock = manualClock(31 * HOUR)
  const mainCf = 'address_verify_sender_ttl = 1h\nsmtpd_recipient_restrictions = reject\n'
  const policy = testPolicy(mainCf, { clock })
  const asked = { recipient: 'double-bounce10@mail.example.com' }
  assert.equal(said(await policy.rcpt(facts(asked))), 'OK')
  assert.equal(policy.recipientOf(asked.recipient), 'double-bounce@mail.example.com')
  assert.equal(policy.recipientOf('ana@mail.example.com'), 'ana@mail.example.com')
  clock.advance(2 * HOUR)
  assert.match(said(await policy.rcpt(facts(asked))), /^554 5\.7\.1 .*Access denied$/)
  assert.equal(policy.recipientOf(asked.recipient), asked.recipient)
})
