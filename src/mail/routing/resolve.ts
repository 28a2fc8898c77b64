/**
 * Address to class, transport and next hop (Postfix: trivial-rewrite's resolve service). ADDRESS_CLASS_README, transport(5).
 */
import type { AddressClass, PathStep } from './contract.ts'
import { findAddress, type Recorder } from './lookup.ts'
import { rewriteParts } from './rewrite.ts'
import {
  isValidHostname,
  join,
  literalAddress,
  needsQuotes,
  split,
  splitAddressExtension,
  type Parts,
} from './syntax.ts'
import type { World } from './world.ts'
import { isIP } from 'node:net'

export interface Resolved {
  /** With all that means this host stripped and put back once: always `local@domain`. */
  readonly recipient: string
  readonly domain: string
  readonly addressClass: AddressClass
  readonly transport: string
  readonly nexthop: string
  readonly path: readonly PathStep[]
}

/** Transport and next hop while they are being decided. */
interface Hop {
  transport: string
  nexthop: string
}

export async function resolveAddress(world: World, address: string, sender?: string): Promise<Resolved> {
  const path: PathStep[] = []
  const record: Recorder = (step) => path.push(step)
  const { parts, isLocal } = await stripLocal(world, address)
  const domain = literalFor(world, parts.domain)
  const recipient = join({ local: parts.local, domain })
  const base = { recipient, domain, path }
  if (!isValidDomain(domain))
    return { ...base, addressClass: 'default', transport: 'error', nexthop: '5.1.3 bad address syntax' }
  const addressClass = isLocal ? 'local' : await world.remoteClass(domain.toLowerCase())
  record({ rule: 'address class', asked: recipient, answer: addressClass })
  const hop = splitHop(await classHop(world, addressClass, domain, sender, record), domain)
  // virtual_alias_domains: "user unknown" is not for transport_maps to override.
  if (addressClass !== 'virtual-alias') await transportMaps(world, recipient, domain, hop, record)
  const moved = await findAddress(world.maps.relocated_maps, recipient, world, record)
  if (moved) Object.assign(hop, { transport: 'error', nexthop: `5.1.6 User has moved to ${moved.result}` })
  return { ...base, addressClass, ...hop }
}

/** Routing operators, whether or not this host follows them: the next one may. */
export function isRouted(recipient: string): boolean {
  const at = /[@!%]/.exec(recipient)
  return at !== null && recipient.slice(at.index + 1) !== split(recipient).domain
}

function isValidDomain(domain: string): boolean {
  return domain.startsWith('[') ? literalAddress(domain) !== undefined : isValidHostname(domain)
}

function literalFor(world: World, domain: string): string {
  if (!world.cf.resolve_numeric_domain || isIP(domain) === 0) return domain
  return isIP(domain) === 6 ? `[IPv6:${domain}]` : `[${domain}]`
}

/**
 * Strips domains that are this host until none or a foreign one is left, following `a%b`, `b!a` and what is quoted, so
 * that nobody relays through `"user@elsewhere"@here`.
 */
async function stripLocal(
  world: World,
  address: string,
): Promise<{ parts: { local: string; domain: string }; isLocal: boolean }> {
  const { cf } = world
  const context = { origin: cf.myorigin, domain: cf.mydomain }
  let parts = split(address)
  let saved: string | undefined
  // Each step shortens the address or adds one domain that the next strips; the bound is for what nobody thought of.
  for (let steps = address.length + 100; steps > 0; steps--) {
    parts = trimDomain(parts, cf.resolve_null_domain)
    if (parts.domain !== undefined) {
      // An empty domain is nobody's; what is routed inside still counts.
      if (parts.domain !== '' && !(await world.isLocalDomain(parts.domain)))
        return { parts: { local: parts.local, domain: parts.domain }, isLocal: false }
      saved = parts.domain
      parts = { local: parts.local, domain: undefined }
    }
    const inner = openedRoute(parts.local, cf)
    if (inner === undefined) break
    parts = rewriteParts(inner, cf, context)
  }
  return { parts: { local: parts.local || cf.empty_address_recipient, domain: saved ?? cf.myhostname }, isLocal: true }
}

function trimDomain({ local, domain }: Parts, nullDomain: boolean): Parts {
  if (domain === undefined) return { local, domain }
  if (domain === '' && nullDomain) return { local, domain: undefined }
  return { local, domain: /[^.]\.$/.test(domain) ? domain.slice(0, -1) : domain }
}

/** What a local part routes on to, undefined when it is just a name. */
function openedRoute(local: string, cf: World['cf']): Parts | undefined {
  const bang = cf.swap_bangpath && local.includes('!')
  const percent = cf.allow_percent_hack ? local.lastIndexOf('%') : -1
  if (!needsQuotes(local)) return bang || percent >= 0 ? { local, domain: undefined } : undefined
  if (!cf.resolve_dequoted_address) return undefined
  // A source route is passed over. RFC 5321 §4.1.1.3.
  const [, behindRoute] = /^@[^:]*:(.+)$/s.exec(local) ?? []
  if (behindRoute !== undefined) return split(behindRoute)
  if (local.includes('@')) return split(local)
  if (percent >= 0) return { local: local.slice(0, percent), domain: local.slice(percent + 1) }
  const site = local.indexOf('!')
  return bang ? { local: local.slice(site + 1), domain: local.slice(0, site) } : undefined
}

/** `transport:nexthop` by class; the domain or relayhost is the next hop unless one is named. */
async function classHop(
  world: World,
  addressClass: AddressClass,
  domain: string,
  sender: string | undefined,
  record: Recorder,
): Promise<Hop> {
  const { cf } = world
  switch (addressClass) {
    case 'local':
      return { transport: cf.local_transport, nexthop: domain }
    case 'virtual-alias': {
      const table = cf.show_user_unknown_table_name ? ' in virtual alias table' : ''
      return { transport: 'error', nexthop: `5.1.1 User unknown${table}` }
    }
    case 'virtual-mailbox':
      return { transport: cf.virtual_transport, nexthop: domain }
    case 'relay':
      return { transport: cf.relay_transport, nexthop: await relayhost(world, domain, sender, record) }
    case 'default': {
      const own = await bySender(world, 'sender_dependent_default_transport_maps', sender, record)
      return { transport: own ?? cf.default_transport, nexthop: await relayhost(world, domain, sender, record) }
    }
    default:
      return addressClass satisfies never
  }
}

async function relayhost(world: World, domain: string, sender: string | undefined, record: Recorder): Promise<string> {
  const own = await bySender(world, 'sender_dependent_relayhost_maps', sender, record)
  return own ?? (world.cf.relayhost || domain)
}

async function bySender(
  world: World,
  parameter: 'sender_dependent_relayhost_maps' | 'sender_dependent_default_transport_maps',
  sender: string | undefined,
  record: Recorder,
): Promise<string | undefined> {
  if (sender === undefined) return undefined
  const nullKey =
    parameter === 'sender_dependent_relayhost_maps'
      ? world.cf.empty_address_relayhost_maps_lookup_key
      : world.cf.empty_address_default_transport_maps_lookup_key
  const named = world.maps[parameter]
  const found = sender === '' ? await named.maps.find(nullKey) : await findAddress(named, sender, world, record)
  return found === undefined || found.result.toUpperCase() === 'DUNNO' ? undefined : found.result
}

function splitHop(hop: Hop, domain: string): Hop {
  if (hop.transport === 'error') return hop
  const colon = hop.transport.indexOf(':')
  if (colon < 0) return { transport: hop.transport, nexthop: hop.nexthop || domain }
  return { transport: hop.transport.slice(0, colon), nexthop: hop.transport.slice(colon + 1) || hop.nexthop }
}

/** transport(5), "TABLE SEARCH ORDER". */
async function transportMaps(
  world: World,
  recipient: string,
  domain: string,
  hop: Hop,
  record: Recorder,
): Promise<void> {
  const { maps, parameter } = world.maps.transport_maps
  if (maps.tables.length === 0) return
  const keys = [{ key: recipient, partial: false }]
  const cut = splitAddressExtension(recipient, world.cf)
  if (cut) keys.push({ key: cut.bare, partial: true })
  const parents = world.cf.parent_domain_matches_subdomains.includes('transport_maps')
  for (const name of domainAndParents(domain, parents)) keys.push({ key: name, partial: true })
  keys.push({ key: '*', partial: false })
  const found = await maps.findFirst(keys)
  record({
    rule: parameter,
    asked: found ? `${found.table} ${found.key}` : recipient,
    answer: found?.result ?? 'not found',
  })
  if (found) applyEntry(hop, found.result, domain)
}

/** `transport:nexthop`, each of which may be missing. */
function applyEntry(hop: Hop, entry: string, domain: string): void {
  const colon = entry.indexOf(':')
  const transport = colon < 0 ? entry : entry.slice(0, colon)
  const nexthop = colon < 0 ? '' : entry.slice(colon + 1)
  if (transport === '') {
    if (nexthop !== '') hop.nexthop = nexthop
    return
  }
  hop.transport = transport
  hop.nexthop = nexthop || (transport === 'error' || transport === 'retry' ? 'Address is undeliverable' : domain)
}

/** `a.example.com`, `.example.com`, `.com`; without dots where parents match by their own name. */
export function domainAndParents(domain: string, plainParents: boolean): string[] {
  const names = domain === '' ? [] : [domain]
  for (let dot = domain.indexOf('.', 1); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const parent = domain.slice(plainParents ? dot + 1 : dot)
    if (parent !== '' && parent !== '.') names.push(parent)
  }
  return names
}
