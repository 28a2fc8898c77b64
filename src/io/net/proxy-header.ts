/**
 * The PROXY protocol of HAProxy, versions 1 and 2: a load balancer says in front of a connection for whom it speaks.
 * The text is haproxy.org's proxy-protocol.txt.
 */
import { isIPv4, isIPv6, SocketAddress } from 'node:net'
import { plainAddress } from './connection.ts'
import type { Peer } from './contract.ts'

/** What the header said; no addresses where the balancer speaks for itself (health checks) or does not know. */
export interface ProxyHeader {
  readonly ends: { readonly remote: Peer; readonly local: Peer } | undefined
  /** How long the header was: what follows is the client's. */
  readonly octets: number
}

/** Octets that are no such header. */
export class ProxyHeaderError extends Error {}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
/** Version 1 is one line of at most so many octets, CRLF in it. */
const LINE_LIMIT = 107
/** The most of version 2 that is read, as in Postfix: addresses and a few extensions. */
const BINARY_LIMIT = 536

/** Reads the header at the start; undefined where more octets must come. Throws ProxyHeaderError. */
export function readProxyHeader(octets: Buffer): ProxyHeader | undefined {
  const start = octets.subarray(0, SIGNATURE.length)
  if (start.equals(SIGNATURE.subarray(0, start.length))) {
    return octets.length < SIGNATURE.length + 4 ? undefined : readBinary(octets)
  }
  return readLine(octets)
}

function readLine(octets: Buffer): ProxyHeader | undefined {
  const prefix = 'PROXY '
  const begin = octets.toString('latin1', 0, prefix.length)
  if (!prefix.startsWith(begin)) throw new ProxyHeaderError('no PROXY header')
  const end = octets.indexOf('\r\n')
  if (end < 0 && octets.length < LINE_LIMIT) return undefined
  if (end < 0 || end + 2 > LINE_LIMIT) throw new ProxyHeaderError('PROXY header too long')
  const [, family = '', from = '', to = '', fromPort, toPort, ...more] = octets.toString('latin1', 0, end).split(' ')
  if (family === 'UNKNOWN') return { ends: undefined, octets: end + 2 }
  const remote = peerOf(family, from, fromPort)
  const local = peerOf(family, to, toPort)
  if (remote === undefined || local === undefined || more.length > 0) throw new ProxyHeaderError('bad PROXY header')
  return { ends: { remote, local }, octets: end + 2 }
}

function peerOf(family: string, address: string, port: string | undefined): Peer | undefined {
  const isOf = family === 'TCP4' ? isIPv4(address) : family === 'TCP6' && isIPv6(address)
  if (!isOf || port === undefined || !/^\d{1,5}$/.test(port) || Number(port) > 0xffff) return undefined
  return { address: plainAddress(address), port: Number(port) }
}

/** Command in the low half of octet 12, family in octet 13, length of what follows in 14 and 15. */
function readBinary(octets: Buffer): ProxyHeader | undefined {
  const head = SIGNATURE.length + 4
  const [version, command] = [(octets[12] ?? 0) >> 4, (octets[12] ?? 0) & 15]
  const end = head + octets.readUInt16BE(14)
  if (version !== 2 || command > 1) throw new ProxyHeaderError('unknown version of the PROXY header')
  if (end > BINARY_LIMIT) throw new ProxyHeaderError('PROXY header too long')
  if (octets.length < end) return undefined
  if (command === 0) return { ends: undefined, octets: end }
  const width = octets[13] === 0x11 ? 4 : octets[13] === 0x21 ? 16 : undefined
  if (width === undefined) return { ends: undefined, octets: end } // not TCP: the connection's own addresses hold
  if (end - head < 2 * width + 4) throw new ProxyHeaderError('PROXY header too short')
  const at = (n: number): string => binaryAddress(octets.subarray(head + n * width, head + (n + 1) * width))
  const ports = head + 2 * width
  return {
    ends: {
      remote: { address: at(0), port: octets.readUInt16BE(ports) },
      local: { address: at(1), port: octets.readUInt16BE(ports + 2) },
    },
    octets: end,
  }
}

function binaryAddress(octets: Buffer): string {
  if (octets.length === 4) return octets.join('.')
  const groups = Array.from({ length: 8 }, (_, i) => octets.readUInt16BE(2 * i).toString(16))
  return plainAddress(new SocketAddress({ address: groups.join(':'), family: 'ipv6' }).address)
}
