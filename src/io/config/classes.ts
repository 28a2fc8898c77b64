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
const CONFIG_ITSELF: Readonly<Record<string, string>> = {
  compatibility_level: 'Which of Postfix’s defaults hold: those of 0, 1, 2 or 3.6.',
  config_directory: 'Where main.cf and master.cf are: what -c or MAIL_CONFIG says, else /etc/postfix.',
  default_database_type: 'The type of a table that is named without one.',
  mail_release_date: 'The release of Postfix whose language is spoken.',
  mail_version: 'Its version.',
  multi_instance_name: 'What syslog_name is where it is not set.',
  mydomain: 'The internet domain of this mail system; default: $myhostname minus its first label.',
  myhostname: 'The internet host name of this mail system; default: the machine’s.',
  mynetworks_style: 'Which networks mynetworks has where it is not set: class, subnet or host.',
}

/** What the configuration itself does with a parameter; undefined where it leaves it to the rooms. */
export function configDoc(name: string): string | undefined {
  return Object.hasOwn(CONFIG_ITSELF, name) ? CONFIG_ITSELF[name] : undefined
}

/** The class of a name. A name that a room has is honoured; transports' own parameters count as those of all transports. */
export function classOf(name: string, registry: Registry): ParameterClass {
  if (registry.has(name) || configDoc(name) !== undefined) return { kind: 'honoured' }
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
export function genericName(suffix: string): string {
  if (suffix === '_time_limit') return 'command_time_limit' // pipe(8)'s
  if (suffix === '_initial_destination_concurrency') return suffix.slice(1)
  return suffix.startsWith('_') ? `default${suffix}` : suffix
}

/** How many of some parameters are in each class, and which are not supported; all of postconf(5) where none are named. */
export function countClasses(
  registry: Registry,
  names: readonly string[] = postfixParameters.map((p) => p.name),
): {
  readonly honoured: number
  readonly withoutEffect: readonly string[]
  readonly notSupported: readonly string[]
} {
  const classes = names.map((name) => ({ name, ...classOf(name, registry) }))
  return {
    honoured: classes.filter((c) => c.kind === 'honoured').length,
    withoutEffect: classes.filter((c) => c.kind === 'without-effect').map((c) => c.name),
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
