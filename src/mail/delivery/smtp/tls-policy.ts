/** What TLS a server must speak: main.cf's level, what a table says of the next hop or the host, and both put together. */
import { isHostName } from '../../../io/dns/mod.ts'
import type { Anchor } from '../../../io/net/mod.ts'
import type { Maps } from '../../../io/tables/mod.ts'
import { type Dane, daneLevel, type DaneSite, type DaneSources } from './dane.ts'
import type { ClientSettings } from './params.ts'
import { type Attributes, NO_ATTRIBUTES, readAttributes } from './tls-attributes.ts'
import { fitsSts, type StsPolicy } from './sts/policy.ts'
import { TlsPolicyError } from './tls-errors.ts'

export type SiteTlsLevel = Exclude<ClientSettings['smtp_tls_security_level'], ''>
export type TlsLevel = Exclude<SiteTlsLevel, 'dane-only'> | 'half-dane'

export interface TlsPolicy {
  readonly level: TlsLevel
  /** Names, or fingerprints at that level. */
  readonly match: readonly string[]
  readonly servername: string
  readonly protocols: readonly string[]
  readonly ciphers: string
  readonly excluded: readonly string[]
  /** These alone vouch for the server; undefined: the authorities do. */
  readonly anchors: readonly Anchor[] | undefined
  /** Connections may be kept for further messages. */
  readonly reuse: boolean
  /** What the domain publishes of its servers (RFC 8461), where that is looked at. */
  readonly sts?: StsPolicy
  /** At levels dane and half-dane. */
  readonly dane?: Dane
}

export const TLS_LEVELS: readonly SiteTlsLevel[] = [
  'none',
  'may',
  'encrypt',
  'verify',
  'secure',
  'fingerprint',
  'dane',
  'dane-only',
]

export const isMandatory = (level: SiteTlsLevel | TlsLevel): boolean => level !== 'none' && level !== 'may'
/** The server must prove who it is. */
export const mustMatch = (level: TlsLevel): boolean => isMandatory(level) && level !== 'encrypt'

/** Of whom the policy is asked. */
export interface Site extends DaneSite {
  readonly host: string
  /** The message says `TLS-Required: no`. */
  readonly tlsNotRequired?: boolean
}

export interface PolicySources extends DaneSources {
  readonly maps: (spec: string) => Maps
  readonly anchors: (paths: readonly string[]) => readonly Anchor[]
  /** The MTA-STS policy of a domain; undefined: nobody looks. */
  readonly sts?: (domain: string) => Promise<StsPolicy | undefined>
}

export async function tlsPolicy(cf: ClientSettings, site: Site, sources: PolicySources): Promise<TlsPolicy> {
  const policy = await findOut(cf, site, sources)
  if (!cf.smtp_tls_wrappermode || isMandatory(policy.level)) return policy
  const { protocol } = site
  const text = `${protocol}_tls_wrappermode requires "${protocol}_tls_security_level = encrypt" (or stronger)`
  throw new TlsPolicyError(text, 'server unavailable or unable to receive mail', '4.3.0')
}

async function findOut(cf: ClientSettings, site: Site, sources: PolicySources): Promise<TlsPolicy> {
  const { level, attributes, isListed } = await levelOf(cf, site, sources)
  const context = { cf, site, sources }
  const isOwn = isListed === true || site.tlsNotRequired === true
  const sts = (policy: TlsPolicy): TlsPolicy | Promise<TlsPolicy> => (isOwn ? policy : withSts(policy, context))
  if (level !== 'dane' && level !== 'dane-only') return sts(withAttributes(level, attributes, context))
  const { dane, ...found } = await daneLevel(level, site, cf, sources)
  const policy = { ...withAttributes(found.level, attributes, context), ...(dane !== undefined && { dane }) }
  return level === 'dane-only' ? policy : sts(policy)
}

/** RFC 8461 §2: TLSA records that can be used go before; what main.cf demands that is more stays. */
async function withSts(policy: TlsPolicy, context: Context): Promise<TlsPolicy> {
  const { cf, site, sources } = context
  if (!cf.mta_sts_enable || site.protocol !== 'smtp' || !isHostName(site.nexthop)) return policy
  if (policy.level !== 'may' && policy.level !== 'encrypt') return policy
  const sts = await sources.sts?.(site.nexthop.toLowerCase().replace(/\.$/, ''))
  if (sts === undefined) return policy
  if (sts.mode !== 'enforce') return { ...policy, sts }
  if (!fitsSts(site.host, sts.patterns)) {
    const text = `server ${site.host} is not in the MTA-STS policy of the domain`
    throw new TlsPolicyError(undefined, text, undefined, { failure: 'validation-failure', sts })
  }
  const secure = withAttributes(
    'secure',
    { match: ['hostname'], servername: 'hostname', tafile: [], mxHostPatterns: [] },
    context,
  )
  return { ...secure, anchors: undefined, sts } // §4.1: the web's authorities vouch for it
}

interface Chosen {
  readonly level: SiteTlsLevel
  readonly attributes: Attributes
  /** A table says so of this very site. */
  readonly isListed?: true
}

async function levelOf(cf: ClientSettings, site: Site, { maps }: PolicySources): Promise<Chosen> {
  const main = mainLevel(cf)
  // RFC 8689 §4.2.2: no policy is asked; Postfix does not leave a port that has nothing but TLS.
  if (site.tlsNotRequired === true) {
    const most = cf.smtp_tls_wrappermode ? 'encrypt' : 'may'
    return { level: isMandatory(main) ? most : main, attributes: NO_ATTRIBUTES }
  }
  if (cf.smtp_tls_policy_maps !== '') {
    const found = await findPolicy(maps(cf.smtp_tls_policy_maps), site, cf)
    return found === undefined ? { level: main, attributes: NO_ATTRIBUTES } : { ...found, isListed: true }
  }
  const level = cf.smtp_tls_per_site === '' ? undefined : await perSite(maps(cf.smtp_tls_per_site), main, site)
  return level === undefined
    ? { level: main, attributes: NO_ATTRIBUTES }
    : { level, attributes: NO_ATTRIBUTES, isListed: true }
}

export function mainLevel(cf: ClientSettings): SiteTlsLevel {
  if (cf.smtp_tls_security_level !== '') return cf.smtp_tls_security_level
  if (cf.smtp_enforce_tls) return cf.smtp_tls_enforce_peername ? 'verify' : 'encrypt'
  return cf.smtp_use_tls ? 'may' : 'none'
}

/** The next hop as it is; for a plain domain its parents as `.parent`. */
async function findPolicy(maps: Maps, site: Site, cf: ClientSettings): Promise<Chosen | undefined> {
  const { nexthop, protocol } = site
  const whole = nexthop.toLowerCase()
  const keys = [whole]
  if (isHostName(whole)) for (let name = parentOf(whole); name !== ''; name = parentOf(name)) keys.push(name)
  for (const key of keys) {
    const found = await asked(maps, key)
    if (found === undefined) continue
    const where = `${protocol}_tls_policy_maps, next-hop destination "${key}"`
    const read = readAttributes(found, TLS_LEVELS)
    if (typeof read === 'string') throw new TlsPolicyError(`${where}: ${read}`)
    return { ...read, attributes: enforceSts(read.attributes, site, cf) }
  }
  return undefined
}

/** RFC 8461 §4.1 and §5: only servers of the policy are talked to, and each must be who it says. */
function enforceSts(attributes: Attributes, { host }: Site, cf: ClientSettings): Attributes {
  const { policyType, mxHostPatterns: patterns } = attributes
  if (!cf.smtp_tls_enforce_sts_mx_patterns || policyType !== 'sts' || patterns.length === 0) return attributes
  const name = host.toLowerCase()
  const fits = (pattern: string): boolean =>
    pattern.startsWith('*.') ? parentOf(name) === pattern.slice(1) : name === pattern
  if (!patterns.some((pattern) => fits(pattern.toLowerCase())))
    throw new TlsPolicyError(undefined, `server ${host} is not in the MTA-STS policy of the domain`)
  return { ...attributes, match: ['hostname'], servername: 'hostname' }
}

function parentOf(name: string): string {
  const dot = name.indexOf('.', 1)
  return dot < 0 ? '' : name.slice(dot)
}

async function asked(maps: Maps, key: string, dsn = '4.7.5', told?: string): Promise<string | undefined> {
  try {
    return (await maps.find(key))?.result
  } catch (error) {
    throw new TlsPolicyError(error instanceof Error ? error.message : String(error), told, dsn)
  }
}

const PER_SITE = { none: 'none', may: 'may', must_nopeermatch: 'encrypt', must: 'verify' } as const
/** The order in which one answer gives way to another: MAY is the weakest, what is demanded the strongest. */
const STRENGTH = ['may', 'none', 'encrypt', 'verify'] as const
type PerSite = (typeof STRENGTH)[number]

/** TLS_LEGACY_README: the next hop and the server's name are asked for alike; undefined where neither is listed. */
async function perSite(maps: Maps, main: SiteTlsLevel, site: Site): Promise<SiteTlsLevel | undefined> {
  const { nexthop, host, protocol } = site
  const sameName = nexthop.toLowerCase() === host.toLowerCase()
  const found: PerSite[] = []
  for (const [name, kind] of [
    [nexthop, 'next-hop destination'],
    ...(sameName ? [] : [[host, 'server hostname'] as const]),
  ] as const) {
    const word = await asked(maps, name.toLowerCase(), '4.3.0', 'Temporary lookup error')
    if (word === undefined) continue
    const level: unknown = Reflect.get(PER_SITE, word.toLowerCase())
    const known = STRENGTH.find((one) => one === level)
    if (known === undefined)
      throw new TlsPolicyError(`${protocol}_tls_per_site: unknown TLS policy '${word}' for ${kind} ${name}`)
    found.push(known)
  }
  const strongest = found.toSorted((a, b) => STRENGTH.indexOf(b) - STRENGTH.indexOf(a))[0]
  // A MAY is meant for many; a stronger level of main.cf is meant.
  return strongest === 'may' && isMandatory(main) ? main : strongest
}

interface Context {
  readonly cf: ClientSettings
  readonly site: Site
  readonly sources: PolicySources
}

function withAttributes(level: TlsLevel, given: Attributes, context: Context): TlsPolicy {
  const { cf, site } = context
  const mandatory = isMandatory(level)
  const servername = given.servername ?? cf.smtp_tls_servername
  if (level !== 'none' && servername !== '' && !isHostName(servername))
    throw new TlsPolicyError(`"${site.protocol}_tls_servername = ${servername}" specifies an invalid hostname`)
  return {
    level,
    match: matchOf(level, given, context),
    servername,
    protocols: given.protocols ?? (mandatory ? cf.smtp_tls_mandatory_protocols : cf.smtp_tls_protocols),
    ciphers: given.ciphers ?? (mandatory ? cf.smtp_tls_mandatory_ciphers : cf.smtp_tls_ciphers),
    excluded: given.exclude ?? [
      ...cf.smtp_tls_exclude_ciphers,
      ...(mandatory ? cf.smtp_tls_mandatory_exclude_ciphers : []),
    ],
    anchors: anchorsOf(level, given, context),
    reuse: given.reuse ?? cf.smtp_tls_connection_reuse,
  }
}

function matchOf(level: TlsLevel, given: Attributes, { cf, site }: Context): readonly string[] {
  const colons = (words: readonly string[]): string[] => words.flatMap((word) => word.split(':'))
  switch (level) {
    case 'verify':
      return given.match ?? colons(cf.smtp_tls_verify_cert_match)
    case 'secure':
      return given.match ?? colons(cf.smtp_tls_secure_cert_match)
    case 'fingerprint': {
      const prints = given.match ?? cf.smtp_tls_fingerprint_cert_match
      if (prints.length > 0) return prints
      const text = `nexthop domain ${site.nexthop}: configured at fingerprint security level, but with no fingerprints to match.`
      throw new TlsPolicyError(text)
    }
    case 'none':
    case 'may':
    case 'encrypt':
    case 'dane':
    case 'half-dane':
      return []
    default:
      return level satisfies never
  }
}

function anchorsOf(level: TlsLevel, given: Attributes, { cf, sources }: Context): readonly Anchor[] | undefined {
  if (level !== 'verify' && level !== 'secure') return undefined
  const paths = given.tafile.length > 0 ? given.tafile : cf.smtp_tls_trust_anchor_file
  if (paths.length === 0) return undefined
  try {
    return sources.anchors(paths)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new TlsPolicyError(`error reading trust anchors: ${why}`)
  }
}
