/** Networks as text, in one form each: `192.0.2.7`, `192.0.2.0/24`, `2001:db8:1:2::/64`. */
import { parseAddress } from '../../io/tables/mod.ts'

/** A network: the first `length` bits of an address of so many. */
export interface Network {
  readonly bits: 32 | 128
  readonly length: number
  readonly first: bigint
}

/** Those who share an address share a network, and most who have many IPv6 addresses have all of a /64. */
const NEIGHBOURS = { 32: 24, 128: 64 } as const
/** One host's: in IPv6 a host takes another address whenever it likes. */
const HOST = { 32: 32, 128: 64 } as const

/** `a.b.c.d`, `v6`, either with `/length`; undefined for what is none. Bits beyond the length are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const [, address = '', digits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const parsed = parseAddress(address)
  if (parsed === undefined) return undefined
  const { bits, value } = parsed
  const length = digits === undefined ? bits : Number(digits)
  return length > bits ? undefined : { bits, length, first: cut(value, bits, length) }
}

function cut(value: bigint, bits: number, length: number): bigint {
  const rest = BigInt(bits - length)
  return (value >> rest) << rest
}

export function printNetwork({ bits, length, first }: Network): string {
  const text = bits === 32 ? v4(first) : v6(first)
  return length === bits ? text : `${text}/${length}`
}

function v4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
}

function v6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1) // RFC 5952's form
}

/** Under what a client's own failures are counted; undefined where there is no address (a unix socket). */
export function hostOf(address: string): string | undefined {
  return within(address, HOST)
}

/** The network that it is counted with. */
export function neighboursOf(address: string): string | undefined {
  return within(address, NEIGHBOURS)
}

function within(address: string, lengths: Readonly<Record<32 | 128, number>>): string | undefined {
  const parsed = parseAddress(address)
  if (parsed === undefined) return undefined
  const length = lengths[parsed.bits]
  return printNetwork({ bits: parsed.bits, length, first: cut(parsed.value, parsed.bits, length) })
}
