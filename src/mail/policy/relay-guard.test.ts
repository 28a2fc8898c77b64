import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, makeRegistry, parseConfig } from '../../io/config/mod.ts'
import { checkRelayGuard, policyParams } from './mod.ts'
import { recipientRestrictions } from './relay-guard.ts'

const registry = makeRegistry(policyParams)
const config = (mainCf: string): ReturnType<typeof parseConfig> =>
  parseConfig(mainCf, registry, { machine: { hostname: 'x.example', interfaces: [] } })

test('a main.cf of the time before smtpd_relay_restrictions has the default of its time', () => {
  const table: readonly (readonly [string, string])[] = [
    ['', 'permit_mynetworks, reject_unauth_destination'],
    ['compatibility_level = 2\n', ''],
    ['smtpd_relay_restrictions =\n', ''],
    ['smtpd_recipient_restrictions = reject\n', 'reject'],
  ]
  for (const [mainCf, wanted] of table) assert.equal(recipientRestrictions(config(mainCf)), wanted, mainCf)
})

test('a listener without a guard against relaying is refused', () => {
  const good = [
    '',
    'compatibility_level = 3.6\n',
    'smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination\n',
    'smtpd_relay_restrictions = permit_sasl_authenticated, defer\n',
    'smtpd_relay_restrictions = ours\nsmtpd_restriction_classes = ours\nours = permit_mynetworks, reject\n',
  ]
  for (const mainCf of good) checkRelayGuard(config(mainCf))
  const bad = [
    'smtpd_recipient_restrictions =\n',
    'smtpd_recipient_restrictions = permit_mynetworks\n',
    'smtpd_relay_restrictions = permit, reject_unauth_destination\n',
    'smtpd_relay_restrictions = warn_if_reject reject_unauth_destination\n',
    'smtpd_relay_restrictions = ours\nsmtpd_restriction_classes = ours\nours = ours\n',
    'smtpd_recipient_restrictions = reject_unauth_destinaton\n',
  ]
  for (const mainCf of bad) assert.throws(() => checkRelayGuard(config(mainCf)), ConfigError, mainCf)
})
