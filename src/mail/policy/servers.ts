/**
 * The hosts that serve a name, for the `_a_`, `_mx_` and `_ns_` checks.
 */
import type { DnsType } from '../../io/dns/mod.ts'
import { literalAddress } from '../routing/mod.ts'
import type { Evaluation } from './evaluation.ts'

export type ServerKind = 'a' | 'mx' | 'ns'

export interface Server {
  /** undefined where only the addresses count. */
  readonly host: string | undefined
  addresses(): Promise<readonly string[]>
}

/** Hosts, and addresses of one, that are looked at. */
const MAX_SERVERS = 100

/** `name` may be an address; of it the domain counts. */
export async function serverNames(ev: Evaluation, kind: ServerKind, name: string): Promise<Server[]> {
  const domain = name.slice(name.lastIndexOf('@') + 1)
  if (domain.startsWith('[')) {
    // A literal is its own host; nobody serves it names.
    const address = literalAddress(domain)
    return kind === 'ns' || address === undefined ? [] : [{ host: undefined, addresses: async () => [address] }]
  }
  if (domain === '') return []
  if (kind === 'a') return [serverOf(ev, domain, false)]
  const hosts = kind === 'mx' ? await exchangers(ev, domain) : await nameServers(ev, domain)
  return hosts.slice(0, MAX_SERVERS).map((h) => serverOf(ev, h, true))
}

function serverOf(ev: Evaluation, host: string, byName: boolean): Server {
  return {
    host: byName ? host : undefined,
    addresses: async () => {
      const found = await ev.rules.dns.addresses(host)
      if (found.status !== 'ok') ev.rules.warn(`Unable to look up host ${host}`)
      return found.status === 'ok' ? found.addresses.slice(0, MAX_SERVERS) : []
    },
  }
}

/** RFC 5321 §5.1: without MX, the name itself. */
async function exchangers(ev: Evaluation, domain: string): Promise<string[]> {
  const hosts = await records(ev, domain, 'MX')
  return hosts === 'none' ? [domain] : hosts.filter((h) => h !== '.')
}

/** Those of the name, else of the nearest parent that has some. */
async function nameServers(ev: Evaluation, domain: string): Promise<string[]> {
  for (let zone = domain; ; zone = zone.slice(zone.indexOf('.') + 1)) {
    const hosts = await records(ev, zone, 'NS')
    if (hosts !== 'none') return hosts
    if (!zone.includes('.')) return []
  }
}

/** `none`: the name has no such records, or does not exist at all. */
async function records(ev: Evaluation, name: string, type: DnsType): Promise<string[] | 'none'> {
  // Postfix asks for the name as it stands, and one with a final dot is none to it.
  if (name.endsWith('.')) return 'none'
  const answer = await ev.rules.dns.query(name, type)
  ev.step('DNS', `${name} ${type}`, answer.status)
  if (answer.status === 'ok') return answer.records.map((r) => r.value)
  if (answer.status !== 'failed') return 'none'
  ev.rules.warn(`Unable to look up ${type} host for ${name}`)
  return []
}
