/** Octets and text, as the mechanisms need them. */
import { isUtf8 } from 'node:buffer'
import { randomBytes, timingSafeEqual } from 'node:crypto'

/** The longest response that any mechanism here reads; DIGEST-MD5's own bound (RFC 2831 §2.1.2), ample for the rest. */
export const RESPONSE_MAX_OCTETS = 4096

/** 144 random bits, in characters that the nonces of DIGEST-MD5 and SCRAM may have. */
export function randomNonce(): string {
  return randomBytes(18).toString('base64')
}

/** UTF-8 to text; undefined for other octets. */
export function utf8(octets: Buffer): string | undefined {
  return isUtf8(octets) ? octets.toString('utf8') : undefined
}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Base64 to the letter of RFC 4648 §4: padded, no blanks, no line ends; undefined for anything else. */
export function decodeBase64(text: string): Buffer | undefined {
  return BASE64.test(text) ? Buffer.from(text, 'base64') : undefined
}

/** Compares in a time that depends on the lengths alone. */
export function sameOctets(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/** Whether all characters are in ISO 8859-1. */
export function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0xff) return false
  return true
}

/** As ISO 8859-1 where that can hold it, else UTF-8: RFC 2831 §2.1.2.1 and §8, for each field by itself. */
export function latin1WherePossible(text: string): Buffer {
  return Buffer.from(text, isLatin1(text) ? 'latin1' : 'utf8')
}
