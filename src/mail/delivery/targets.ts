/** The servers of a nexthop: `[host]:port` as it is, a domain by its MX. RFC 5321 §5.1, RFC 7505 (null MX). */
import { isIP } from 'node:net'
import type { Resolver } from '../../io/dns/mod.ts'

export interface Target {
  readonly host: string
  readonly address: string
  readonly port: number
}

export type Targets =
  | { readonly status: 'ok'; readonly targets: readonly Target[] }
  | { readonly status: 'bounced' | 'deferred'; readonly dsn: string; readonly text: string }

/** Servers tried for one message at the most (smtp_mx_address_limit). */
const ADDRESS_LIMIT = 5

export function parseNexthop(nexthop: string): { host: string; port: number; noMx: boolean } {
  const [, bracketed, portA, plain = '', portB] =
    /^(?:\[([^\]]+)\](?::(\d+))?|([^:[\]]+)(?::(\d+))?)$/.exec(nexthop) ?? []
  if (bracketed !== undefined) return { host: bracketed.replace(/^ipv6:/i, ''), port: Number(portA ?? 25), noMx: true }
  return { host: plain === '' ? nexthop : plain, port: Number(portB ?? 25), noMx: false }
}

/** @param self this host's own name: it and what stands behind it in an MX list are left out, or mail would go in circles */
export async function findTargets(nexthop: string, dns: Resolver, self: string): Promise<Targets> {
  const { host, port, noMx } = parseNexthop(nexthop)
  if (isIP(host) !== 0) return { status: 'ok', targets: [{ host, address: host, port }] }
  if (noMx) return addressesOf([host], port, dns)
  const mx = await dns.query(host, 'MX')
  if (mx.status === 'failed')
    return {
      status: 'deferred',
      dsn: '4.4.3',
      text: `Host or domain name not found. Name service error for name=${host} type=MX: ${mx.reason}`,
    }
  if (mx.status === 'nxdomain')
    return {
      status: 'bounced',
      dsn: '5.4.4',
      text: `Host or domain name not found. Name service error for name=${host} type=A: Host not found`,
    }
  if (mx.status !== 'ok') return addressesOf([host], port, dns)
  const records = mx.records.toSorted((a, b) => (a.preference ?? 0) - (b.preference ?? 0))
  if (records.some((record) => record.value === '' || record.value === '.')) {
    return { status: 'bounced', dsn: '5.1.0', text: `Domain ${host} does not accept mail (nullMX)` }
  }
  const own = records.find((record) => sameName(record.value, self))?.preference ?? Infinity
  const better = records.filter((record) => (record.preference ?? 0) < own)
  if (better.length === 0) return { status: 'bounced', dsn: '5.4.6', text: `mail for ${host} loops back to myself` }
  return addressesOf(
    better.map((record) => record.value),
    port,
    dns,
  )
}

async function addressesOf(hosts: readonly string[], port: number, dns: Resolver): Promise<Targets> {
  const targets: Target[] = []
  let temporary: string | undefined
  for (const host of hosts) {
    if (targets.length >= ADDRESS_LIMIT) break
    for (const type of ['A', 'AAAA'] as const) {
      const answer = await dns.query(host, type)
      if (answer.status === 'failed') temporary = answer.reason
      if (answer.status === 'ok')
        targets.push(...answer.records.map((record) => ({ host, address: record.value, port })))
    }
  }
  if (targets.length > 0) return { status: 'ok', targets: targets.slice(0, ADDRESS_LIMIT) }
  const name = hosts[0] ?? ''
  return temporary === undefined
    ? {
        status: 'bounced',
        dsn: '5.4.4',
        text: `Host or domain name not found. Name service error for name=${name} type=A: Host not found`,
      }
    : {
        status: 'deferred',
        dsn: '4.4.3',
        text: `Host or domain name not found. Name service error for name=${name} type=A: ${temporary}`,
      }
}

/** Names of hosts, without regard to letter case and a last dot. */
function sameName(a: string, b: string): boolean {
  return a.replace(/\.$/, '').toLowerCase() === b.replace(/\.$/, '').toLowerCase()
}
