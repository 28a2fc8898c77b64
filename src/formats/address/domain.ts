/** Domains: address literals (RFC 5321 §4.1.3), internationalised names (RFC 5890) and the form that is compared. */
import { isIPv4, isIPv6 } from 'node:net'
import { domainToASCII, domainToUnicode } from 'node:url'
import { joinAddress, splitAddress } from './mailbox.ts'

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]`: the address inside; undefined for other texts, General-address-literals too. */
export function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return undefined
  const inside = domain.slice(1, -1)
  if (/^ipv6:/i.test(inside)) return isIPv6(inside.slice(5)) ? inside.slice(5) : undefined
  return isIPv4(inside) ? inside : undefined
}

/** The literal of an IP address. */
export function printLiteral(address: string): string {
  return isIPv6(address) ? `[IPv6:${address}]` : `[${address}]`
}

// oxlint-disable-next-line no-control-regex -- ASCII is a range of controls and all others
const ASCII = /^[\0-\x7f]*$/

/**
 * A domain with A-labels, in lower case. One that IDNA refuses comes back as it is, in lower case: it resolves nowhere.
 * ASCII is never handed to the URL parser, which would read `1.2` as an address.
 */
export function toAscii(domain: string): string {
  if (ASCII.test(domain)) return domain.toLowerCase()
  return domainToASCII(domain) || domain.toLowerCase()
}

/** A domain with U-labels, for people and for SMTPUTF8; what is no A-label stays. */
export function toUnicode(domain: string): string {
  if (ASCII.test(domain) && !/(?:^|\.)xn--/i.test(domain)) return domain.toLowerCase()
  return domainToUnicode(domain) || domain.toLowerCase()
}

/**
 * An address as keys are compared: local part and domain in lower case, the domain with A-labels. RFC 5321 §2.4 leaves the
 * local part to its host; all hosts in the world, Postfix's tables too, fold it.
 */
export function foldAddress(address: string): string {
  const { local, domain } = splitAddress(address)
  return joinAddress({ local: local.toLowerCase(), domain: domain === undefined ? undefined : toAscii(domain) })
}
