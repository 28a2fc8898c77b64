/** IP addresses as numbers and networks as ranges of them, for cidr: tables and match lists. */
import { isIPv4, isIPv6 } from 'node:net'

/** An address: its family's width and its value. */
export interface Address {
  readonly bits: 32 | 128
  readonly value: bigint
}

/** A network: all addresses from `first` to `last`. */
export interface Network {
  readonly bits: 32 | 128
  readonly first: bigint
  readonly last: bigint
}

/** IPv4 in dotted form as an unsigned number; -1 when it is none. Written for speed: no list, no regular expression. */
export function parseIPv4(text: string): number {
  if (text.length > 15 || text.length < 7) return -1
  let value = 0
  let octet = -1
  let dots = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x2e) {
      if (octet < 0) return -1
      value = value * 256 + octet
      octet = -1
      dots++
    } else if (c >= 0x30 && c <= 0x39) {
      octet = octet < 0 ? c - 0x30 : octet * 10 + (c - 0x30)
      if (octet > 255) return -1
    } else return -1
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : -1
}

/** An address in text form, IPv6 with or without brackets and never with a zone; undefined when it is none. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseIPv4(text)
  if (v4 >= 0 && isIPv4(text)) return { bits: 32, value: BigInt(v4) }
  const bare = text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text
  if (!isIPv6(bare) || bare.includes('%')) return undefined
  return { bits: 128, value: parseIPv6(bare) }
}

/** Called with what isIPv6 took. */
function parseIPv6(text: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (dotted !== null) {
    const v4 = parseIPv4(dotted[2] ?? '')
    return parseIPv6(`${dotted[1]}${(v4 >>> 16).toString(16)}:${(v4 & 0xffff).toString(16)}`)
  }
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups.reduce((value, g) => (value << 16n) | BigInt(Number.parseInt(g, 16)), 0n)
}

/** `10.0.0.0/8`, `[fd00::]/8`, a single address. A text says what is wrong, in the words of cidr_table's parser. */
export function parseNetwork(text: string): Network | string {
  const slash = text.lastIndexOf('/')
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash))
  if (slash < 0) {
    if (address === undefined) return `bad address pattern: "${text}"`
    return { bits: address.bits, first: address.value, last: address.value }
  }
  const mask = text.slice(slash + 1)
  if (!/^\d+$/.test(mask)) return `bad mask value in "${text}"`
  if (address === undefined) return `bad address pattern: "${text}"`
  const length = Number(mask)
  if (length > address.bits) return `bad mask length in "${text}"`
  const host = (1n << BigInt(address.bits - length)) - 1n
  const first = (address.value >> BigInt(address.bits - length)) << BigInt(address.bits - length)
  if (first !== address.value) {
    const right = `${printAddress({ bits: address.bits, value: first })}/${length}`
    return `non-null host address bits in "${text}", perhaps you should use "${right}" instead`
  }
  return { bits: address.bits, first, last: first | host }
}

/** The usual text of an address; IPv6 compressed as RFC 5952 §4. */
export function printAddress(address: Address): string {
  if (address.bits === 32) {
    const v = Number(address.value)
    return [v >>> 24, (v >>> 16) & 255, (v >>> 8) & 255, v & 255].join('.')
  }
  const groups = Array.from({ length: 8 }, (_, i) => Number((address.value >> BigInt(112 - 16 * i)) & 0xffffn))
  const text = groups.map((g) => g.toString(16)).join(':')
  const runs = [...`:${text}:`.matchAll(/(?::0)+(?=:)/g)].sort((a, b) => b[0].length - a[0].length)
  const longest = runs[0]
  if (longest === undefined || longest[0].length < 4) return text
  const framed = `:${text}:`
  const from = longest.index
  const before = framed.slice(1, from)
  const after = framed.slice(from + longest[0].length + 1, -1)
  return `${before}::${after}`
}

/** Whether an address lies in a network. */
export function contains(network: Network, address: Address): boolean {
  return network.bits === address.bits && address.value >= network.first && address.value <= network.last
}
