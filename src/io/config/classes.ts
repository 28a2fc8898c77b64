/** What becomes of a parameter that somebody sets: honoured, known without effect, not supported yet, or no parameter. */
import type { Config, Registry } from './contract.ts'
import { postfixParameter } from './defaults.ts'
import { postfixParameters } from './postfix-parameters.ts'
import { oldNameSuccessor, withoutEffect } from './without-effect.ts'

export type ParameterClass =
  | { readonly kind: 'honoured' }
  | { readonly kind: 'without-effect'; readonly reason: string }
  | { readonly kind: 'not-supported' }
  | { readonly kind: 'old'; readonly successor: string }
  | { readonly kind: 'unknown' }

/** Read by the configuration itself, not by a room. */
const CONFIG_ITSELF: ReadonlySet<string> = new Set([
  'compatibility_level',
  'config_directory',
  'default_database_type',
  'mail_release_date',
  'mail_version',
  'myhostname',
  'mydomain',
  'mynetworks_style',
])

/** The class of a name. A name that a room has is honoured; transports' own parameters count as those of all transports. */
export function classOf(name: string, registry: Registry): ParameterClass {
  if (registry.has(name) || CONFIG_ITSELF.has(name)) return { kind: 'honoured' }
  const known = postfixParameter(name)
  if (known !== undefined) {
    if (registry.has(genericName(known.name))) return { kind: 'honoured' }
    const reason = withoutEffect(name)
    return reason === undefined ? { kind: 'not-supported' } : { kind: 'without-effect', reason }
  }
  const successor = oldNameSuccessor(name)
  return successor === undefined ? { kind: 'unknown' } : { kind: 'old', successor }
}

/** `_destination_rate_delay` → `default_destination_rate_delay`: what a room reads for any transport. */
function genericName(suffix: string): string {
  return suffix.startsWith('_') ? `default${suffix}` : suffix
}

/** How many of postconf(5)'s parameters are in each class, and which are not supported. */
export function countClasses(registry: Registry): {
  readonly honoured: number
  readonly withoutEffect: number
  readonly notSupported: readonly string[]
} {
  const classes = postfixParameters.map((p) => ({ name: p.name, ...classOf(p.name, registry) }))
  return {
    honoured: classes.filter((c) => c.kind === 'honoured').length,
    withoutEffect: classes.filter((c) => c.kind === 'without-effect').length,
    notSupported: classes.filter((c) => c.kind === 'not-supported').map((c) => c.name),
  }
}

/** Names that stand in main.cf only for other settings to use them: macros and restriction classes. */
export function usedNames(config: Config, namesIn: (text: string) => string[]): ReadonlySet<string> {
  const used = new Set<string>()
  const texts = [
    ...config.settings.map((s) => s.value),
    ...config.master.flatMap((m) => [...m.overrides.values(), ...m.args]),
  ]
  for (const text of texts) for (const name of namesIn(text)) used.add(name)
  for (const name of (config.value('smtpd_restriction_classes') ?? '').split(/[\s,]+/)) used.add(name)
  return used
}
