/**
 * Whether a message needs next hops that know SMTPUTF8. RFC 6531; Postfix: SMTPUTF8_README.
 * It does where something outside ASCII stands in its envelope or header section, and somebody said that it may: its
 * client, or smtputf8_autodetect_classes for mail of its kind.
 */
import { defineParams, list } from '../../io/config/mod.ts'
import type { Arrival } from './contract.ts'

export const smtpUtf8Params = defineParams({
  smtputf8_autodetect_classes: list(
    'sendmail, verify',
    'Mail that requires SMTPUTF8 as soon as it holds something outside ASCII, undeclared: sendmail, smtpd, forward, bounce, notify, verify, all. Other such mail goes to servers without SMTPUTF8 too.',
    { values: ['sendmail', 'smtpd', 'forward', 'bounce', 'notify', 'verify', 'all'] },
  ),
})

export type Utf8Class = 'sendmail' | 'smtpd' | 'forward' | 'bounce' | 'notify' | 'verify'

/** smtputf8_autodetect_classes has this kind of mail. */
export function detectsUtf8(classes: readonly string[], what: Utf8Class): boolean {
  return classes.includes('all') || classes.includes(what)
}

export function utf8ClassOf({ origin, mailClass }: Pick<Arrival, 'origin' | 'mailClass'>): Utf8Class {
  return origin === 'smtp' ? 'smtpd' : origin === 'pickup' ? 'sendmail' : (mailClass ?? 'bounce')
}

export const beyondAscii = (text: string): boolean => /[^\0-\x7f]/.test(text)
