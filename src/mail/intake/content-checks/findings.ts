/** What can be told about header and body checks, blind copies and cleanup services before any mail comes. */
import { type Config, type Finding, nearest, type Origin, splitList } from '../../../io/config/mod.ts'
import { patternResults, splitTableName } from '../../../io/tables/mod.ts'
import { ACTION_NAMES, decide, isAction } from './actions.ts'
import { contentParams } from './params.ts'
import type { Place } from './contract.ts'

interface List {
  readonly name: string
  readonly place: Place
  /** The program of master.cf whose `-o` may set it. */
  readonly program: 'cleanup' | 'smtp' | 'lmtp'
}

const CHECKS: readonly (readonly [name: string, place: Place])[] = [
  ['header_checks', 'header'],
  ['mime_header_checks', 'header'],
  ['nested_header_checks', 'header'],
  ['body_checks', 'body'],
]

const LISTS: readonly List[] = (['cleanup', 'smtp', 'lmtp'] as const).flatMap((program) =>
  CHECKS.map(([name, place]) => ({ name: program === 'cleanup' ? name : `${program}_${name}`, place, program })),
)

/** Tables with fixed keys: nobody means a whole line. */
const FIXED = new Set(['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'texthash', 'inline', 'sdbm'])

const OVERRIDE_OPTIONS = ['no_unknown_recipient_checks', 'no_address_mappings', 'no_header_body_checks', 'no_milters']

export function contentFindings(config: Config, directory: string): Finding[] {
  const own = LISTS.flatMap((list) => listFindings(config, list, directory))
  const theirs = config.master.flatMap(({ command, overrides, origin }) =>
    LISTS.filter(({ name, program }) => program === command && overrides.has(name)).flatMap((list) =>
      listFindings(config.with(overrides), list, directory, origin),
    ),
  )
  return [...own, ...theirs, ...listenerFindings(config), ...optionFindings(config)]
}

function at(config: Config, name: string, severity: Finding['severity'], text: string, proposal?: string): Finding {
  const { file, line } = config.origin(name) ?? { file: config.file, line: 0 }
  return { severity, file, line, name, text, ...(proposal === undefined ? {} : { proposal }) }
}

/** @param origin where the list is named, if not in main.cf */
function listFindings(config: Config, list: List, directory: string, origin?: Origin): Finding[] {
  const { name, place } = list
  const named = origin ?? config.origin(name) ?? { file: config.file, line: 0 }
  return splitList(config.value(name) ?? '').flatMap((word) => {
    const { type = '', rest = '' } = splitTableName(word) ?? {}
    if (FIXED.has(type)) {
      const key = place === 'header' ? 'a whole field, as "Subject: text"' : 'a whole line'
      const text = `${word}: the key that is looked up is ${key}: parts of it, or patterns, are never found`
      return [{ severity: 'warning', ...named, name, text, proposal: `${name} = pcre:${rest}` }]
    }
    if (type !== 'pcre' && type !== 'regexp') return []
    return patternResults(type, rest, directory).flatMap(({ file, line, text }): Finding[] => {
      const fault = resultFault(text, list)
      return fault === undefined ? [] : [{ ...fault, ...named, ...(file !== undefined && { file, line }), name }]
    })
  })
}

/** What is wrong with a rule's result; a result with `$1` is judged by its word alone. */
function resultFault(
  result: string,
  { name, place, program }: List,
): Pick<Finding, 'severity' | 'text' | 'proposal'> | undefined {
  const word = /^\S*/.exec(result)?.[0] ?? ''
  const waits = program === 'cleanup' ? 'waits with 451 4.3.0' : 'is deferred with 4.3.0'
  if (result === '') return { severity: 'warning', text: `no action: mail that matches ${waits}` }
  if (word.includes('$')) return undefined
  if (!isAction(word)) {
    const text = `${word} is no action: mail that matches passes, with a warning in the log`
    const proposal = /^[45]\d\d$/.test(word) ? `REJECT${result.slice(word.length)}` : nearestAction(word)
    return { severity: 'warning', text, ...(proposal === undefined ? {} : { proposal }) }
  }
  if (word.toUpperCase() === 'OK')
    return { severity: 'note', text: 'OK is DUNNO: later lines and lists still look at the message', proposal: 'DUNNO' }
  const { warning, reject } = result.includes('$')
    ? {}
    : decide(result, place, name, program === 'cleanup' ? 'cleanup' : 'smtp')
  if (warning === undefined) return undefined
  return { severity: 'warning', text: reject === undefined ? `${warning}: the rule does nothing` : warning }
}

function nearestAction(word: string): string | undefined {
  const names = ACTION_NAMES.map((name) => name.toLowerCase())
  return nearest(word, names)?.toUpperCase()
}

/** A listener's `-o` of what cleanup reads, and its words for cleanup. */
function listenerFindings(config: Config): Finding[] {
  const ours = new Set([...Object.keys(contentParams), 'always_bcc', 'message_drop_headers', 'hopcount_limit'])
  ours.delete('line_length_limit')
  return config.master
    .filter(({ command }) => command === 'smtpd')
    .flatMap(({ name: service, overrides, origin }) =>
      [...overrides].flatMap(([name, value]): Finding[] => {
        if (ours.has(name)) {
          const text = `-o ${name} of ${service} means nothing: cleanup reads it, not smtpd`
          const proposal = `-o cleanup_service_name=${service}-cleanup   (and a line of its own: ${service}-cleanup unix n - n - 0 cleanup -o ${name}=${value})`
          return [{ severity: 'warning', ...origin, name, text, proposal }]
        }
        return []
      }),
    )
}

function optionFindings(config: Config): Finding[] {
  const cleanups = new Set(config.master.filter(({ command }) => command === 'cleanup').map(({ name }) => name))
  const listeners = config.master.filter(({ command }) => command === 'smtpd')
  const views = [
    { view: config, place: undefined, overrides: undefined },
    ...listeners.map(({ overrides, origin }) => ({ view: config.with(overrides), place: origin, overrides })),
  ]
  return views.flatMap(({ view, place, overrides }) => {
    const told = (name: string): boolean => overrides === undefined || overrides.has(name)
    const where = (name: string, text: string, proposal?: string): Finding => ({
      ...at(view, name, 'warning', text, proposal),
      ...place,
    })
    const service = view.value('cleanup_service_name') ?? 'cleanup'
    const found: Finding[] = []
    if (told('cleanup_service_name') && service !== 'cleanup' && !cleanups.has(service))
      found.push(
        where('cleanup_service_name', `master.cf has no cleanup service ${service}: main.cf's settings are taken`),
      )
    if (told('receive_override_options'))
      for (const word of splitList(view.value('receive_override_options') ?? ''))
        if (!OVERRIDE_OPTIONS.includes(word.toLowerCase()))
          found.push(
            where(
              'receive_override_options',
              `unknown option ${word}: it does nothing`,
              nearest(word, OVERRIDE_OPTIONS),
            ),
          )
    return found
  })
}
