/** What a result of header_checks or body_checks says is to be done. header_checks(5); Postfix: cleanup_act, hbc_action. */
import { splitStatus } from '../../../formats/smtp/mod.ts'
import type { ContentChecks, Decision, MessageEffect, Place } from './contract.ts'

interface Matched {
  /** The word, and what stands behind it. */
  readonly word: string
  readonly text: string
  readonly value: string
  readonly place: Place
  /** The parameter that names the table. */
  readonly list: string
}

type Action = (matched: Matched) => Decision

/** RFC 5322 §2.2, §4.5: a name, blanks perhaps, a colon. */
const FIELD = /^[!-9;-~]+[ \t]*:/

const log =
  (action: string): Action =>
  ({ text }) => ({ log: { action, text } })

/** Actions that change or log a line: for messages that come in and for those that smtp sends. */
const LINE_ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['DUNNO', () => ({})],
  ['OK', () => ({})],
  ['WARN', log('warning')],
  ['INFO', log('info')],
  ['IGNORE', () => ({ line: 'drop' })],
  ['STRIP', ({ text }) => ({ line: 'drop', log: { action: 'strip', text } })],
  ['PREPEND', (m) => withLine(m, 'PREPEND', { prepend: m.text, log: { action: 'prepend', text: m.text } })],
  ['REPLACE', (m) => withLine(m, 'REPLACE', { line: { replace: m.text }, log: { action: 'replace', text: m.text } })],
])

const MESSAGE_ACTIONS: ReadonlyMap<string, Action> = new Map<string, Action>([
  ['REJECT', reject],
  ['PASS', ({ text }) => ({ log: { action: 'pass', text }, last: true })],
  ['DISCARD', ({ text }) => ({ log: { action: 'discard', text }, effect: { action: 'discard' }, last: true })],
  ['HOLD', ({ text }) => ({ log: { action: 'hold', text }, effect: { action: 'hold' } })],
  ['FILTER', filter],
  ['REDIRECT', (m) => ({ ...address(m, 'redirect', `bad REDIRECT target "${m.text}"`), ...(isAddress(m) && LAST) })],
  ['BCC', (m) => address(m, 'bcc', `bad BCC address "${m.text}"`)],
])

const LAST = { last: true } as const

/** Carries out nothing: says what is to be done. Unknown words are warned of and do nothing. */
export function decide(value: string, place: Place, list: string, actions: ContentChecks['actions']): Decision {
  const [, word = '', text = ''] = /^([^ \t]*)\s*(.*)$/s.exec(value) ?? []
  const name = word.toUpperCase()
  const action = LINE_ACTIONS.get(name) ?? (actions === 'cleanup' ? MESSAGE_ACTIONS.get(name) : undefined)
  if (action !== undefined) return action({ word, text, value, place, list })
  return { warning: `${actions === 'cleanup' ? 'unknown' : 'unsupported'} command in ${list} map: ${value}` }
}

export const ACTION_NAMES: readonly string[] = [...LINE_ACTIONS.keys(), ...MESSAGE_ACTIONS.keys()]

/** Whether a word is an action at all; for findings about tables. */
export function isAction(word: string): boolean {
  return LINE_ACTIONS.has(word.toUpperCase()) || MESSAGE_ACTIONS.has(word.toUpperCase())
}

function withLine({ text, place, list }: Matched, word: string, decision: Decision): Decision {
  if (text === '') return { warning: `${word} action without text in ${list} map` }
  if (place !== 'header' || FIELD.test(text)) return decision
  return { warning: `bad ${word} header text "${text}" in ${list} map -- need "headername: headervalue"` }
}

function reject({ text }: Matched): Decision {
  const split = text === '' ? { status: '5.7.1', text: 'message content rejected' } : splitStatus(text, '5.7.1')
  const bad = split.status.startsWith('2')
  const status = bad ? `4${split.status.slice(1)}` : split.status
  return {
    reject: { status, text: split.text },
    last: true,
    log: { action: 'reject', text: `${status} ${split.text}` },
    ...(bad && { warning: `bad DSN action in ${text} -- need 4.x.x or 5.x.x` }),
  }
}

function filter({ text, list }: Matched): Decision {
  if (text === '') return { warning: `missing FILTER command argument in ${list} map` }
  if (!text.includes(':')) return { warning: `bad FILTER command ${text} in ${list} -- need transport:destination` }
  return { log: { action: 'filter', text }, effect: { action: 'filter', destination: text } }
}

const isAddress = ({ text }: Matched): boolean => text.includes('@')

function address(matched: Matched, action: 'redirect' | 'bcc', complaint: string): Decision {
  if (!isAddress(matched)) return { warning: `${complaint} in ${matched.list} map -- need user@domain` }
  const effect: MessageEffect = { action, address: matched.text }
  return { log: { action, text: matched.text }, effect }
}
