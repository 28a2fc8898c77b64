/** What can be told about main.cf and master.cf by themselves: syntax, names, types. For `postigo check`. */
import { classOf, usedNames } from './classes.ts'
import type { Config, Finding, Origin, ParamSpec, Registry } from './contract.ts'
import { postfixParameter } from './defaults.ts'
import { ConfigError } from './errors.ts'
import { namesIn } from './expand.ts'
import { nearest } from './nearest.ts'
import { postfixParameters } from './postfix-parameters.ts'
import { parseValue, splitList, ValueError } from './values.ts'
import { deprecatedSuccessor, isPlumbing } from './without-effect.ts'

/** All findings, in the order of the file. */
export function configFindings(config: Config, registry: Registry): Finding[] {
  return [
    ...strayFindings(config),
    ...doubledFindings(config),
    ...nameFindings(config, registry),
    ...undefinedFindings(config, registry),
    ...typeFindings(config, registry),
    ...overrideFindings(config, registry),
  ].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? 1 : -1))
}

function finding(severity: Finding['severity'], at: Origin, name: string, text: string, proposal?: string): Finding {
  return { severity, file: at.file, line: at.line, name, text, ...(proposal === undefined ? {} : { proposal }) }
}

/** A line that starts with white space and continues nothing is skipped, by Postfix too. */
function strayFindings(config: Config): Finding[] {
  return config.strayLines.map((line) => {
    const text = `"${line.text.trim()}" starts with white space and continues nothing: it is skipped`
    return finding('warning', line, '', text, line.text.trimStart())
  })
}

function doubledFindings(config: Config): Finding[] {
  const seen = new Map<string, { value: string; line: number }>()
  return config.settings.flatMap((setting) => {
    const before = seen.get(setting.name)
    seen.set(setting.name, setting)
    if (before === undefined) return []
    const same = before.value === setting.value ? 'again, to the same value' : 'again: the last one counts'
    return [finding('warning', setting, setting.name, `${setting.name} is set in line ${before.line} and ${same}`)]
  })
}

function nameFindings(config: Config, registry: Registry): Finding[] {
  const used = usedNames(config, namesIn)
  return lastSettings(config).flatMap((setting) => nameFinding(setting, registry, used))
}

/** Of each name the setting that counts. */
function lastSettings(config: Config): Config['settings'] {
  return config.settings.filter((s) => config.origin(s.name)?.line === s.line)
}

function nameFinding(
  setting: Origin & { readonly name: string; readonly value: string },
  registry: Registry,
  used: ReadonlySet<string>,
): Finding[] {
  const { name, value } = setting
  const what = classOf(name, registry)
  switch (what.kind) {
    case 'honoured':
      return deprecatedFinding(setting)
    case 'without-effect':
      return isPlumbing(name) ? [] : [finding('note', setting, name, `${name} has no effect: ${what.reason}`)]
    case 'not-supported':
      return [finding('warning', setting, name, `${name} is not supported yet, and has no effect`)]
    case 'old': {
      const { successor } = what
      const text = successor === '' ? 'and nothing takes its place' : `today it is ${successor}`
      const isHonoured = successor !== '' && classOf(successor, registry).kind === 'honoured'
      const proposal = isHonoured ? `${successor} = ${value}` : undefined
      return [finding(isHonoured ? 'note' : 'warning', setting, name, `${name} is an old name: ${text}`, proposal)]
    }
    case 'unknown': {
      if (used.has(name)) return []
      const right = nearest(name, [...registry.keys(), ...postfixParameters.map((p) => p.name)])
      const text = `${name} is no parameter, and no other setting uses it: it has no effect`
      return [finding('warning', setting, name, text, right && `${right} = ${value}`)]
    }
    default:
      return what satisfies never
  }
}

function deprecatedFinding(setting: Origin & { readonly name: string }): Finding[] {
  const successor = deprecatedSuccessor(setting.name)
  if (successor === undefined) return []
  const instead = successor === '' ? 'leave it out' : `instead, specify ${successor}`
  return [finding('note', setting, setting.name, `Postfix will remove ${setting.name}; ${instead}`)]
}

/** `$name` of something that is set nowhere: empty, and seldom meant so. */
function undefinedFindings(config: Config, registry: Registry): Finding[] {
  const set = new Set(config.settings.map((s) => s.name))
  return lastSettings(config).flatMap((setting) => {
    if ((registry.get(setting.name) ?? postfixParameter(setting.name))?.kind === 'raw') return []
    return namesIn(setting.value)
      .filter((name) => !set.has(name) && classOf(name, registry).kind === 'unknown')
      .map((name) => {
        const right = nearest(name, [...registry.keys(), ...set])
        const text = `$${name} is set nowhere: it is empty`
        return finding('warning', setting, setting.name, text, right && setting.value.replaceAll(name, right))
      })
  })
}

/** Values that do not fit their type: of what a room reads an error, of anything else what Postfix would say. */
function typeFindings(config: Config, registry: Registry): Finding[] {
  const found: Finding[] = []
  for (const [name, spec] of registry) found.push(...typeFinding(config, name, spec, 'error'))
  for (const { name } of lastSettings(config)) {
    const known = registry.has(name) ? undefined : postfixParameter(name)
    if (known === undefined) continue
    const spec = { kind: known.kind, default: known.default, doc: '' } as const
    found.push(...typeFinding(config, name, spec, 'warning'))
  }
  return found
}

function typeFinding(config: Config, name: string, spec: ParamSpec<unknown>, severity: Finding['severity']): Finding[] {
  const at = config.origin(name) ?? { file: config.file, line: 0 }
  try {
    const text = spec.kind === 'raw' ? (config.raw(name) ?? spec.default) : (config.value(name) ?? '')
    parseValue(name, text, spec)
    return config.origin(name) === undefined ? [] : wordFindings(config, at, name, text, spec)
  } catch (error) {
    if (error instanceof ConfigError) return [finding('error', at, name, error.text)]
    if (!(error instanceof ValueError)) throw error
    return [finding(severity, at, name, error.message, withoutComment(config, name, spec))]
  }
}

/** Words of a list that mean nothing: they would be passed over in silence. */
function wordFindings(
  config: Config,
  at: Origin,
  name: string,
  text: string,
  { kind, values }: ParamSpec<unknown>,
): Finding[] {
  if (kind !== 'list' || values === undefined) return []
  const words = splitList(text)
  const right = (word: string): string | undefined =>
    values.includes(word.toLowerCase()) ? word : nearest(word.toLowerCase(), values)
  const mended = `${name} = ${words.map((word) => right(word) ?? word).join(', ')}`
  return words
    .filter((word) => right(word) !== word)
    .map((word) =>
      finding(
        'warning',
        at,
        name,
        `${word} is no word of ${name}: it does nothing`,
        right(word) === undefined || config.raw(name)?.includes('$') ? undefined : mended,
      ),
    )
}

/** `1h # comment` becomes `1h` where that is a value: main.cf knows no comments behind a setting. */
function withoutComment(config: Config, name: string, spec: ParamSpec<unknown>): string | undefined {
  const raw = config.raw(name)
  const bare = raw?.replace(/\s*#.*$/s, '')
  if (raw === undefined || bare === undefined || bare === raw || bare === '') return undefined
  try {
    parseValue(name, config.expand(bare), spec)
    return `${name} = ${bare}`
  } catch {
    return undefined // the comment was not what is wrong
  }
}

/** master.cf's -o: the same names. */
function overrideFindings(config: Config, registry: Registry): Finding[] {
  return config.master.flatMap((service) =>
    [...service.overrides].flatMap(([name, value]) => {
      if (classOf(name, registry).kind !== 'unknown' || /^\w+_restrictions$/.test(name)) return []
      const used = service.args.join(' ').includes(`$${name}`)
      const inMain = config.settings.some((s) => namesIn(s.value).includes(name))
      if (used || inMain || [...service.overrides.values()].some((v) => namesIn(v).includes(name))) return []
      const right = nearest(name, [...registry.keys(), ...postfixParameters.map((p) => p.name)])
      const text = `-o ${name} of ${service.name} is no parameter: it has no effect`
      return [finding('warning', service.origin, name, text, right && `-o ${right}=${value}`)]
    }),
  )
}
