/** xtext: any octets in printable ASCII. RFC 3461 §4. */
import { isUtf8 } from 'node:buffer'

/**
 * The text that was encoded; undefined for what is no xtext, and for octets that are no UTF-8. Characters outside ASCII
 * may stand as they are (RFC 6533 §3).
 */
export function decodeXtext(text: string): string | undefined {
  if (!/^(?:[!-*,-<>-~\u0080-\uffff]|\+[0-9A-Fa-f]{2})*$/.test(text)) return undefined
  if (!text.includes('+')) return text
  const octets = Buffer.concat(
    text.split(/(\+..)/).map((part) => (part.startsWith('+') ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part))),
  )
  return isUtf8(octets) ? octets.toString() : undefined
}

export function encodeXtext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/gu, (c) =>
    [...Buffer.from(c)].map((octet) => `+${octet.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
}

/** The same for addresses of type utf-8, in ASCII alone; forms that are there already stay. RFC 6533 §3, utf-8-addr-unitext. */
export function encodeUnitext(text: string): string {
  return text.replace(/[^!-*,-<>-~]/gu, (c) => `\\x{${c.codePointAt(0)?.toString(16).toUpperCase().padStart(2, '0')}}`)
}
