/** What keeps a host from being an open relay: one of the two lists must refuse what is neither ours nor permitted. */
import { type Config, ConfigError } from '../../io/config/mod.ts'
import type { Step } from './chain.ts'
import { type WrittenList, writtenList } from './lists-in-config.ts'

/** Before Postfix 2.10 this was the default, and there was no smtpd_relay_restrictions. */
const OLD_DEFAULT = 'permit_mynetworks, reject_unauth_destination'

/**
 * smtpd_recipient_restrictions as it holds. Where neither it nor smtpd_relay_restrictions is set, and the latter's default
 * is the empty one of compatibility_level 0, the main.cf is older than Postfix 2.10 and means the default of its time.
 */
export function recipientRestrictions(config: Config): string {
  const isOld = (['smtpd_recipient_restrictions', 'smtpd_relay_restrictions'] as const).every(
    (name) => config.raw(name) === undefined,
  )
  if (isOld && (config.value('smtpd_relay_restrictions') ?? '') === '') return OLD_DEFAULT
  return config.value('smtpd_recipient_restrictions') ?? ''
}

/** The two lists, as written or by default. */
export function relayLists(config: Config): readonly WrittenList[] {
  const recipients = recipientRestrictions(config)
  const isDefault = config.raw('smtpd_recipient_restrictions') === undefined
  const effective = isDefault ? config.with(new Map([['smtpd_recipient_restrictions', recipients]])) : config
  return ['smtpd_relay_restrictions', 'smtpd_recipient_restrictions'].map((name) => writtenList(effective, name))
}

const GUARDS = new Set([
  'reject_unauth_destination',
  'defer_unauth_destination',
  'check_relay_domains',
  'reject',
  'defer',
  'defer_if_permit',
])
/** Classes may name classes; no deeper than this. */
const MAX_NESTING = 20

/** Where a list refuses to relay for strangers; -1 where it does not, or a `permit` stands before it. */
export function guardAt(chain: readonly Step[], config: Config, depth = 0): number {
  const isGuard = ({ rule, warn }: Step): boolean => {
    if (warn) return false
    if (GUARDS.has(rule.toLowerCase())) return true
    const words = config.raw('smtpd_restriction_classes') === undefined ? '' : config.value('smtpd_restriction_classes')
    if (depth > MAX_NESTING || !(words ?? '').split(/[\s,]+/).includes(rule)) return false
    return guardAt(writtenList(config, rule).chain, config, depth + 1) >= 0
  }
  const guard = chain.findIndex(isGuard)
  const permit = chain.findIndex((step) => step.rule.toLowerCase() === 'permit')
  return permit >= 0 && permit < guard ? -1 : guard
}

/** Throws ConfigError, in Postfix's words, for a listener that would be an open relay. */
export function checkRelayGuard(config: Config): void {
  if (relayLists(config).some(({ chain }) => guardAt(chain, config) >= 0)) return
  const names = [...GUARDS].filter((name) => name !== 'check_relay_domains')
  throw new ConfigError(
    'in parameter smtpd_relay_restrictions or smtpd_recipient_restrictions, specify at least one working instance of: ' +
      `${names.join(', ')} or check_relay_domains`,
    config.origin('smtpd_relay_restrictions') ??
      config.origin('smtpd_recipient_restrictions') ?? { file: config.file, line: 0 },
  )
}
