/**
 * The restriction lists of a main.cf as they are written: for findings and mends.
 */
import type { Config } from '../../io/config/mod.ts'
import { compile, type Step } from './chain.ts'
import { listWords } from './words.ts'

/** Parameters that hold restriction lists, in the order of a session. */
export const LIST_PARAMETERS = [
  'smtpd_client_restrictions',
  'smtpd_helo_restrictions',
  'smtpd_sender_restrictions',
  'smtpd_relay_restrictions',
  'smtpd_recipient_restrictions',
  'smtpd_data_restrictions',
  'smtpd_end_of_data_restrictions',
  'smtpd_etrn_restrictions',
] as const
export type ListParameter = (typeof LIST_PARAMETERS)[number]

/** A list as written: `$config_directory` and the like are kept, so that a mend keeps them too. */
export interface WrittenList {
  readonly parameter: string
  readonly words: readonly string[]
  readonly chain: readonly Step[]
}

export function writtenList(config: Config, parameter: string): WrittenList {
  const raw = config.raw(parameter)
  const text = raw ?? config.value(parameter) ?? ''
  // A list that is nothing but another parameter is that parameter's text.
  const words = listWords(/^\$\{?\w+\}?$/.test(text.trim()) ? config.expand(text) : text)
  const classes = new Set(listWords(config.value('smtpd_restriction_classes') ?? ''))
  return { parameter, words, chain: compile(words, (name) => classes.has(name) || isBuiltIn(name)) }
}

function isBuiltIn(name: string): boolean {
  return name.toLowerCase() === 'reject_sender_login_mismatch'
}

/** A step as it is written, with its argument. */
export function written({ rule, argument, kind, warn }: Step): string {
  const text = kind === 'restriction' && argument !== '' ? `${rule} ${braced(argument)}` : rule
  return warn ? `warn_if_reject ${text}` : text
}

function braced(argument: string): string {
  return /[\s,]/.test(argument) ? `{ ${argument} }` : argument
}

/** `name = a, b, c` with each item on a line of its own once it is long. */
export function setting(parameter: string, items: readonly string[]): string {
  const one = `${parameter} = ${items.join(', ')}`
  return one.length <= 78 ? one : `${parameter} = ${items.join(',\n    ')}`
}
