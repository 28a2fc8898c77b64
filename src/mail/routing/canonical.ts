/**
 * Canonical mapping and masquerading of envelope and header addresses. canonical(5), ADDRESS_REWRITING_README.
 */
import type { PathStep } from './contract.ts'
import { mapAddress, type NamedMaps } from './lookup.ts'
import { split, quote, unquote } from './syntax.ts'
import type { World } from './world.ts'

const ROLES = ['envelope_sender', 'envelope_recipient', 'header_sender', 'header_recipient'] as const
export type AddressRole = (typeof ROLES)[number]

/** canonical(5): an address is mapped again until it maps to itself, at most so often. */
const MAX_ROUNDS = 10
/** A canonical entry is one address; more are cut off by the first being taken. */
const MAX_RESULTS = 100

function isTouched({ cf, maps }: World, role: AddressRole): boolean {
  const own = role.endsWith('sender') ? 'sender' : 'recipient'
  return (
    (cf[`${own}_canonical_classes`].includes(role) && maps[`${own}_canonical_maps`].maps.tables.length > 0) ||
    (cf.canonical_classes.includes(role) && maps.canonical_maps.maps.tables.length > 0) ||
    (cf.masquerade_classes.includes(role) && cf.masquerade_domains.length > 0)
  )
}

export class Canonical {
  readonly #world: World
  readonly #excepted: (name: string) => Promise<string | undefined>
  /** Roles that nothing is configured for: their addresses stay as they are. */
  readonly #untouched: ReadonlySet<AddressRole>

  constructor(world: World) {
    this.#world = world
    this.#excepted = world.deps.tables.matchDomain(world.cf.masquerade_exceptions, {
      parentDomains: false,
      parameter: 'masquerade_exceptions',
    })
    this.#untouched = new Set(ROLES.filter((role) => !isTouched(world, role)))
  }

  /** Own table of the role, canonical_maps, masquerading, each where its classes have the role. Throws TableError. */
  async map(address: string, role: AddressRole, path: PathStep[] = []): Promise<string> {
    if (this.#untouched.has(role)) return address
    const { cf, maps } = this.#world
    let mapped = address
    const own = role.endsWith('sender') ? 'sender' : 'recipient'
    if (cf[`${own}_canonical_classes`].includes(role))
      mapped = await this.#rounds(maps[`${own}_canonical_maps`], mapped, path)
    if (cf.canonical_classes.includes(role)) mapped = await this.#rounds(maps.canonical_maps, mapped, path)
    if (cf.masquerade_classes.includes(role)) mapped = await this.#masquerade(mapped, path)
    return mapped
  }

  async #rounds(named: NamedMaps, address: string, path: PathStep[]): Promise<string> {
    if (named.maps.tables.length === 0) return address
    const world = this.#world
    const options = {
      propagate: world.propagates('canonical'),
      standard: (a: string) => world.standard(a),
      limit: MAX_RESULTS,
    }
    let current = address
    for (let round = 0; round < MAX_ROUNDS; round++) {
      const [next] = (await mapAddress(named, current, world, options, (s) => path.push(s))) ?? []
      if (next === undefined || next.toLowerCase() === current.toLowerCase()) return next ?? current
      current = next
    }
    return current
  }

  /** postconf(5) masquerade_domains: order matters, the first that is a parent decides. */
  async #masquerade(address: string, path: PathStep[]): Promise<string> {
    const { masquerade_domains: domains, masquerade_exceptions: exceptions } = this.#world.cf
    const { local, domain } = split(quote(address))
    if (domains.length === 0 || domain === undefined) return address
    if (exceptions !== '' && (await this.#excepted(local.toLowerCase())) !== undefined) return address
    for (const entry of domains) {
      const parent = entry.replace(/^!+/, '')
      const spares = (entry.length - parent.length) % 2 === 1
      if (parent === '') continue
      if (domain.toLowerCase() === parent.toLowerCase()) return address
      if (!domain.toLowerCase().endsWith(`.${parent.toLowerCase()}`)) continue
      if (spares) return address
      path.push({ rule: 'masquerade_domains', asked: address, answer: parent })
      return unquote(`${local}@${parent}`)
    }
    return address
  }
}
