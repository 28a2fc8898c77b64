/** MTA-STS: the TXT record and the policy that it announces, as texts. RFC 8461 §3.1 and §3.2. */

export interface StsPolicy {
  readonly mode: 'enforce' | 'testing' | 'none'
  /** Names of servers, or `*.domain`. */
  readonly patterns: readonly string[]
  readonly maxAgeMs: number
  /** The lines that say so, as they were. */
  readonly lines: readonly string[]
}

/** A year: RFC 8461 §3.2. */
const MAX_AGE_S = 31_557_600
/** No domain has more servers. */
const MAX_PATTERNS = 100
const KEYS = new Set(['version', 'mode', 'max_age', 'mx'])
/** Some may stand there twice. */
const MAX_LINES = MAX_PATTERNS + 10

/** The id of the one record that is of MTA-STS; undefined where there is none, or more than one. */
export function stsRecordId(records: readonly string[]): string | undefined {
  const [record, ...others] = records.filter((text) => /^v=STSv1\s*;/.test(text))
  if (record === undefined || others.length > 0) return undefined
  return /;\s*id\s*=\s*([A-Za-z0-9]{1,32})\s*(?:;|$)/.exec(record)?.[1]
}

/** undefined: it is no policy. The first of a key counts, but for `mx`; unknown keys are passed over. */
export function parseStsPolicy(text: string): StsPolicy | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  // Blanks are trimmed by themselves: in the expression a line of them would take minutes.
  const fields = lines.map((line) => /^([A-Za-z0-9_.-]{1,32})[ \t]*:(.*)$/.exec(line.trim()))
  const first = (key: string): string | undefined => fields.find((field) => field?.[1] === key)?.[2]?.trim()
  const mode = (['enforce', 'testing', 'none'] as const).find((word) => word === first('mode'))
  const patterns = fields.flatMap((field) => (field?.[1] === 'mx' ? [(field[2] ?? '').trim().toLowerCase()] : []))
  const maxAge = first('max_age') ?? ''
  const isWhole = first('version') === 'STSv1' && mode !== undefined && /^\d{1,10}$/.test(maxAge)
  const hasServers = mode === 'none' || (patterns.length > 0 && patterns.length <= MAX_PATTERNS)
  if (!isWhole || !hasServers || !patterns.every((one) => /^(?:\*\.)?[a-z0-9_.-]{1,253}$/.test(one))) return undefined
  const known = fields.flatMap((field) => (field !== null && KEYS.has(field[1] ?? '') ? [field[0]] : []))
  return { mode, patterns, maxAgeMs: Math.min(Number(maxAge), MAX_AGE_S) * 1000, lines: known.slice(0, MAX_LINES) }
}

/** RFC 8461 §4.1: a star stands for one label. */
export function fitsSts(host: string, patterns: readonly string[]): boolean {
  const name = host.toLowerCase().replace(/\.$/, '')
  const dot = name.indexOf('.')
  const above = dot < 0 ? '' : name.slice(dot)
  return patterns.some((pattern) => (pattern.startsWith('*.') ? above === pattern.slice(1) : name === pattern))
}
