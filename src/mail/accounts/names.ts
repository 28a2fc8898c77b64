/** Names of accounts and domains: folding, and what may be one. */
import { domainToASCII } from 'node:url'
import { AccountError } from './errors.ts'

/** RFC 5321 §4.5.3.1.1 and §4.5.3.1.2. */
const LOCAL_PART_MAX_OCTETS = 64
const DOMAIN_MAX_OCTETS = 255
/** A log-in name longer than any account's is nobody's. */
export const LOGIN_MAX_OCTETS = LOCAL_PART_MAX_OCTETS + 1 + DOMAIN_MAX_OCTETS

/** Dot-string of RFC 5321 §4.1.2, with the characters of RFC 6531 §3.3. Quoted local parts have no account. */
const DOT_STRING =
  /^[!#$%&'*+/=?^_`{|}~0-9A-Za-z\u0080-\u{10ffff}-]+(?:\.[!#$%&'*+/=?^_`{|}~0-9A-Za-z\u0080-\u{10ffff}-]+)*$/u
const INVISIBLE = /[\p{Cc}\p{Zs}\p{Zl}\p{Zp}\p{Cs}]/u
const LABEL = /^(?!-)[0-9a-z_-]{1,63}(?<!-)$/

/** One form for each way to write a local part: NFC, lower case. */
export function foldLocalPart(text: string): string {
  return text.normalize('NFC').toLowerCase()
}

/** One form for each way to write a domain: lower case, A-labels (RFC 5891 §4.4), no final dot. */
export function foldDomain(text: string): string {
  const lower = text.toLowerCase().replace(/\.$/, '')
  // Only for names that need it: the function takes "1.2" for an IPv4 address.
  return /^[^\u0080-\uffff]*$/.test(lower) ? lower : domainToASCII(lower) || lower
}

/** At the last `@`; without one the domain is undefined. */
export function splitAddress(address: string): { readonly localPart: string; readonly domain: string | undefined } {
  const at = address.lastIndexOf('@')
  return at < 0
    ? { localPart: address, domain: undefined }
    : { localPart: address.slice(0, at), domain: address.slice(at + 1) }
}

/** The folded form. Throws AccountError. */
export function checkLocalPart(text: string): string {
  const folded = foldLocalPart(text)
  const bad = !DOT_STRING.test(folded) || INVISIBLE.test(folded)
  if (bad || Buffer.byteLength(folded) > LOCAL_PART_MAX_OCTETS)
    throw new AccountError('bad-address', `"${printable(text)}" cannot be the local part of an account's address`)
  return folded
}

/** The folded form. Throws AccountError. */
export function checkDomain(text: string): string {
  const folded = foldDomain(text)
  const fits = folded.length > 0 && folded.length <= DOMAIN_MAX_OCTETS
  if (!fits || !folded.split('.').every((label) => LABEL.test(label)))
    throw new AccountError('bad-address', `"${printable(text)}" is no domain name`)
  return folded
}

/** The name by which users know an account: of this host its local part, of a domain its address. */
export function accountName({ localPart, domain }: { readonly localPart: string; readonly domain: string }): string {
  return domain === '' ? localPart : `${localPart}@${domain}`
}

/** For messages: what would disturb a terminal becomes `?`. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Cf}]/gu, '?').slice(0, LOGIN_MAX_OCTETS)
}
