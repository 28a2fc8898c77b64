/**
 * Names as DNS may be asked for them. RFC 1035 §2.3.4 (sizes), RFC 1123 §2.1 (letters, digits, hyphen).
 */
import { isIP } from 'node:net'
import { domainToASCII } from 'node:url'

const MAX_NAME = 253
const MAX_LABEL = 63

/**
 * The name in the form it is asked in: lower case, A-labels, no final dot. undefined: no such name can be in DNS (an
 * address, an empty or overlong label, octets that are no host name's). Underscores pass, as `_dmarc` and many hosts need.
 */
export function queryName(name: string): string | undefined {
  if (name === '.') return name
  let ascii = name.endsWith('.') ? name.slice(0, -1) : name
  if (/[^\x20-\x7e]/.test(ascii)) ascii = domainToASCII(ascii)
  if (ascii === '' || ascii.length > MAX_NAME || isIP(ascii) !== 0) return undefined
  const labels = ascii.toLowerCase().split('.')
  return labels.every((l) => l.length <= MAX_LABEL && /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(l))
    ? labels.join('.')
    : undefined
}

/** Whether a name out of DNS may be shown and compared as a host's: what getnameinfo() would let pass. Never an address. */
export function isHostName(name: string): boolean {
  const plain = queryName(name)
  return plain !== undefined && !/^[0-9.]+$/.test(plain)
}

/** `9.18.16.172.in-addr.arpa` or the nibbles of RFC 3596 §2.5; undefined when `address` is none. */
export function reverseName(address: string): string | undefined {
  const family = isIP(address)
  if (family === 4) return `${address.split('.').toReversed().join('.')}.in-addr.arpa`
  if (family !== 6) return undefined
  const nibbles = expandIpv6(address).split('').toReversed().join('.')
  return `${nibbles}.ip6.arpa`
}

/** The 32 hexadecimal digits of an IPv6 address that isIP() accepted. */
export function expandIpv6(address: string): string {
  let text = address.replace(/%.*$/, '')
  const dotted = /(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text)
  if (dotted) {
    const [a = 0, b = 0, c = 0, d = 0] = dotted.slice(1).map(Number)
    text = `${text.slice(0, dotted.index)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`
  }
  const [head = '', tail] = text.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const left = groups(head)
  const right = tail === undefined ? [] : groups(tail)
  const middle = tail === undefined ? [] : Array.from({ length: 8 - left.length - right.length }, () => '0')
  return [...left, ...middle, ...right].map((g) => g.padStart(4, '0').toLowerCase()).join('')
}

/** 127.0.0.0/8 and ::1: their reverse zones are never asked for outside (RFC 6303 §4). */
export function isLoopback(address: string): boolean {
  const family = isIP(address)
  if (family === 4) return address.startsWith('127.')
  return family === 6 && expandIpv6(address) === '0'.repeat(31) + '1'
}
