/**
 * Virtual aliases: one address to many, again and again, within bounds. virtual(5).
 */
import type { PathStep } from './contract.ts'
import { mapAddress } from './lookup.ts'
import type { World } from './world.ts'

/** Aliases grow or nest beyond their limits; mail waits until they are mended (Postfix: "Alias expansion error"). */
export class ExpansionError extends Error {
  constructor(text: string) {
    super(text)
    this.name = 'ExpansionError'
  }
}

/** All that `address` stands for; itself when it is no alias. Throws ExpansionError, TableError. */
export async function expandVirtual(world: World, address: string, path: PathStep[]): Promise<string[]> {
  const named = world.maps.virtual_alias_maps
  if (named.maps.tables.length === 0) return [address]
  const { cf } = world
  const options = {
    propagate: world.propagates('virtual'),
    standard: (a: string) => world.standard(a),
    limit: cf.virtual_alias_expansion_limit + 1,
  }
  const list = [address]
  /** Addresses that expanded into themselves: they are final. */
  const final = new Set<string>()
  for (let at = 0; at < list.length; at++) {
    for (let depth = 0; ; depth++) {
      const current = list[at] ?? ''
      if (final.has(current.toLowerCase())) break
      if (depth >= cf.virtual_alias_recursion_limit)
        throw new ExpansionError(`virtual_alias_maps: ${address} nests too deep`)
      const mapped = await mapAddress(named, current, world, options, (s) => path.push(s))
      if (mapped === undefined) break
      if (mapped.some((a) => a.length > cf.virtual_alias_address_length_limit))
        throw new ExpansionError(`virtual_alias_maps: ${address} makes an overlong address`)
      if (mapped.some((a) => a.toLowerCase() === current.toLowerCase())) final.add(current.toLowerCase())
      const [first = '', ...others] = mapped
      list[at] = first
      list.push(...others)
      if (list.length > cf.virtual_alias_expansion_limit)
        throw new ExpansionError(`virtual_alias_maps: ${address} makes too many addresses`)
    }
  }
  return list
}
