/** An entry of smtp_tls_policy_maps: a level, then `name=value` or `{ name = value }`. TLS_README, "TLS policy table". */
import { splitList, splitNameValue } from '../../../io/config/mod.ts'
import { isHostName } from '../../../io/dns/mod.ts'
import type { SiteTlsLevel } from './tls-policy.ts'

export interface Attributes {
  readonly match?: readonly string[]
  readonly servername?: string
  readonly protocols?: readonly string[]
  readonly ciphers?: string
  readonly exclude?: readonly string[]
  /** connection_reuse */
  readonly reuse?: boolean
  readonly tafile: readonly string[]
  /** Whose policy it is, where a plug-in answers for it: `sts`. */
  readonly policyType?: string
  /** MTA-STS: names of servers that may be talked to. */
  readonly mxHostPatterns: readonly string[]
}

export const NO_ATTRIBUTES: Attributes = { tafile: [], mxHostPatterns: [] }

export interface Entry {
  readonly level: SiteTlsLevel
  readonly attributes: Attributes
}

type Values = ReadonlyMap<string, readonly string[]>

interface Rule {
  /** More than once. */
  readonly repeated?: boolean
  readonly mayBeEmpty?: boolean
  /** What is wrong with a value, in Postfix's words. */
  readonly wrong?: (value: string, level: SiteTlsLevel) => string | undefined
}

const yesOrNo: Rule = {
  repeated: true,
  wrong: (value) => (/^(yes|no)$/i.test(value) ? undefined : `has bad value: "${value}"`),
}
const POLICY_TYPES = ['sts', 'no-policy-found']
const FAILURES = [
  'sts-policy-fetch-error',
  'sts-policy-invalid',
  'sts-webpki-invalid',
  'tlsa-invalid',
  'dnssec-invalid',
  'dane-required',
]
const isVerifying = (level: SiteTlsLevel): boolean => level === 'verify' || level === 'secure'

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ['ciphers', {}],
  ['protocols', { mayBeEmpty: true }],
  ['servername', {}],
  [
    'match',
    {
      repeated: true,
      wrong: (_, level) =>
        isVerifying(level) || level === 'fingerprint' ? undefined : `invalid at security level "${level}"`,
    },
  ],
  ['exclude', { mayBeEmpty: true }],
  [
    'tafile',
    { repeated: true, wrong: (_, level) => (isVerifying(level) ? undefined : `invalid at security level "${level}"`) },
  ],
  ['connection_reuse', yesOrNo],
  ['enable_rpk', yesOrNo],
  ['policy_ttl', { wrong: (value) => (/^\d{1,10}$/.test(value) ? undefined : `has a malformed value: "${value}"`) }],
  ['policy_type', { wrong: oneOf(POLICY_TYPES) }],
  ['policy_domain', { wrong: (value) => (isHostName(value) ? undefined : `has a malformed value: "${value}"`) }],
  ['policy_string', { repeated: true, mayBeEmpty: true }],
  ['mx_host_pattern', { repeated: true }],
  ['policy_failure', { wrong: oneOf(FAILURES) }],
])

function oneOf(words: readonly string[]): NonNullable<Rule['wrong']> {
  return (value) => (words.includes(value) ? undefined : `has an unexpected value: "${value}"`)
}

/** A string: what is wrong with it. */
export function readAttributes(text: string, levels: readonly SiteTlsLevel[]): Entry | string {
  const [word, ...words] = splitList(text)
  if (word === undefined) return 'invalid empty policy'
  const level = levels.find((one) => one === word.toLowerCase())
  if (level === undefined) return `invalid security level "${word}"`
  if (level === 'none') return { level, attributes: NO_ATTRIBUTES }
  const values = readValues(words, level)
  if (typeof values === 'string') return values
  const isForeign = ['policy_ttl', 'policy_domain', 'policy_string', 'mx_host_pattern', 'policy_failure']
  if (!values.has('policy_type') && isForeign.some((name) => values.has(name)))
    return 'built-in policy has unexpected attribute policy_ttl, policy_domain, policy_string, mx_host_pattern or policy_failure'
  return { level, attributes: attributesOf(values, level) }
}

function readValues(words: readonly string[], level: SiteTlsLevel): Values | string {
  const values = new Map<string, string[]>()
  for (const word of words) {
    const split = splitNameValue(word.startsWith('{') ? word.slice(1, -1) : word)
    if (typeof split === 'string') return `malformed attribute/value pair "${word}": ${split}`
    const name = split.name.toLowerCase()
    const rule = RULES.get(name)
    if (rule === undefined) return `invalid attribute name: "${split.name}"`
    const before = values.get(name) ?? []
    if (split.value === '' && rule.mayBeEmpty !== true) return `attribute "${name}" has empty value`
    if (before.length > 0 && rule.repeated !== true) return `attribute "${name}" is specified multiple times`
    if (name === 'servername' && !isHostName(split.value)) return `"${word}" specifies an invalid hostname`
    const wrong = rule.wrong?.(split.value, level)
    if (wrong !== undefined) return `attribute "${name}" ${wrong}`
    values.set(name, [...before, split.value])
  }
  return values
}

function attributesOf(values: Values, level: SiteTlsLevel): Attributes {
  const one = (name: string): string | undefined => values.get(name)?.at(-1)
  const separator = level === 'fingerprint' ? '|' : ':'
  const [match, servername, protocols] = [values.get('match'), one('servername'), one('protocols')]
  const [ciphers, exclude, policyType] = [one('ciphers'), one('exclude'), one('policy_type')]
  const reuse = one('connection_reuse')
  return {
    ...(match !== undefined && { match: match.flatMap((text) => text.split(separator)) }),
    ...(servername !== undefined && { servername }),
    ...(protocols !== undefined && { protocols: protocols.split(/[:,\s]+/).filter((word) => word !== '') }),
    ...(ciphers !== undefined && { ciphers }),
    ...(exclude !== undefined && { exclude: exclude.split(/[:,\s]+/).filter((word) => word !== '') }),
    ...(policyType !== undefined && { policyType }),
    ...(reuse !== undefined && { reuse: reuse.toLowerCase() === 'yes' }),
    tafile: values.get('tafile') ?? [],
    mxHostPatterns: values.get('mx_host_pattern') ?? [],
  }
}
