/**
 * Addresses in lookup tables: the forms tried and their order, as canonical(5), virtual(5), relocated(5) and others
 * share it (Postfix: mail_addr_find, mail_addr_map).
 */
import type { Maps } from '../../io/tables/mod.ts'
import type { PathStep } from './contract.ts'
import { addressList, join, quote, split, splitExtension, type ExtensionSettings } from './syntax.ts'

/** Where steps are written down as they are taken. */
export type Recorder = (step: PathStep) => void

/** A parameter with its tables. */
export interface NamedMaps {
  readonly parameter: string
  readonly maps: Maps
}

export interface AddressFound {
  readonly result: string
  /** What was cut off to match, with its delimiter; `''` when the whole address matched. */
  readonly extension: string
}

export interface KeySettings extends ExtensionSettings {
  readonly myorigin: string
}

/** What lookups need to know of the world: settings, and whether a domain is this host. */
export interface Keys {
  readonly cf: KeySettings
  isLocalDomain(domain: string): Promise<boolean>
}

interface Key {
  readonly key: string
  readonly partial: boolean
  readonly extension: string
}

/**
 * `user+foo@domain`, `user@domain`, then where the domain is this host `user+foo` and `user`, then `@domain`.
 * Only the first goes to pattern tables.
 */
export async function addressKeys(address: string, keys: Keys): Promise<Key[]> {
  const quoted = quote(address)
  const { local, domain } = split(quoted)
  const cut = splitExtension(local, keys.cf)
  const list: Key[] = [{ key: quoted, partial: false, extension: '' }]
  if (cut) list.push({ key: join({ local: cut.bare, domain }), partial: true, extension: cut.extension })
  if (domain === undefined) return list
  if (domain.toLowerCase() === keys.cf.myorigin.toLowerCase() || (await keys.isLocalDomain(domain))) {
    list.push({ key: local, partial: true, extension: '' })
    if (cut) list.push({ key: cut.bare, partial: true, extension: cut.extension })
  }
  list.push({ key: `@${domain}`, partial: true, extension: '' })
  return list.filter((k) => k.key !== '')
}

/** Looks an address up; records every question that found something. Throws TableError. */
export async function findAddress(
  { parameter, maps }: NamedMaps,
  address: string,
  keys: Keys,
  record?: Recorder,
): Promise<AddressFound | undefined> {
  if (maps.tables.length === 0) return undefined
  const forms = await addressKeys(address, keys)
  const found = await maps.findFirst(forms)
  if (found === undefined) {
    record?.({ rule: parameter, asked: address, answer: 'not found' })
    return undefined
  }
  const folded = found.key.toLowerCase()
  const form = forms.find((f) => f.key.toLowerCase() === folded)
  record?.({ rule: parameter, asked: `${found.table} ${found.key}`, answer: found.result })
  return { result: found.result, extension: form?.extension ?? '' }
}

/**
 * The addresses that a lookup maps `address` to, in internal and standard form, the unmatched extension carried over when
 * `propagate`. undefined: not found. A result without any address throws: nobody may guess what was meant.
 */
export async function mapAddress(
  named: NamedMaps,
  address: string,
  keys: Keys,
  options: { readonly propagate: boolean; standard(address: string): string; readonly limit: number },
  record?: Recorder,
): Promise<string[] | undefined> {
  const found = await findAddress(named, address, keys, record)
  if (found === undefined) return undefined
  const { extension } = found
  let { result } = found
  if (result.startsWith('@')) {
    const { local } = split(quote(address))
    result = local.slice(0, local.length - extension.length) + result
  }
  const carried = options.propagate ? extension : ''
  const addresses = addressList(result, options.limit).map((a) => extend(options.standard(a), carried))
  if (addresses.length === 0) throw new MapResultError(named.parameter, address, result)
  return addresses
}

function extend(address: string, extension: string): string {
  if (extension === '' || address === '') return address
  const { local, domain } = split(address)
  return join({ local: local + extension, domain })
}

/** A table maps an address to something that is none; mail waits until that is mended. */
export class MapResultError extends Error {
  constructor(parameter: string, address: string, result: string) {
    super(`${parameter}: the entry for ${address} holds no address: "${result}"`)
    this.name = 'MapResultError'
  }
}
