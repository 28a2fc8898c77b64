/**
 * What an access table's entry, or a policy service's answer, does. access(5).
 */
import type { Outcome, Subject } from './evaluation.ts'
import { notePermit } from './permit-log.ts'
import type { Ask } from './restrictions.ts'
import { fitStatus, splitStatus } from './status.ts'

/** What was found, and by which key. */
export interface Entry {
  readonly table: string
  readonly key: string
  readonly value: string
}

/** Carries out an entry: access(5), ACCEPT ACTIONS, REJECT ACTIONS, OTHER ACTIONS. */
export async function applyAction(ask: Ask, entry: Entry): Promise<Outcome> {
  const { ev, subject } = ask
  const value = entry.value.trim()
  const [, word = '', text = ''] = /^(\S*)\s*(.*)$/s.exec(value) ?? []
  const action = actions.get(word.toUpperCase())
  // access(5): all digits is a time stamp of "POP before SMTP" and the like, and means OK.
  if (/^(?:OK|RELAY)$/i.test(word) || /^\d+$/.test(value)) await notePermit(ev, word, subject, entry.table)
  if (action !== undefined) return action({ ...ask, text, entry })
  if (/^\d+$/.test(value)) return 'ok'
  if (/^[45]\d\d$/.test(word)) {
    const split = splitStatus(text, word.startsWith('4') ? '4.7.1' : '5.7.1')
    return ev.reject(
      Number(word),
      fitStatus(split.status, subject.replyClass),
      refusal(subject, split.text || 'Access denied'),
    )
  }
  if (value === '') {
    ev.rules.warn(`access table ${entry.table} entry "${entry.key}" has empty value`)
    return 'ok'
  }
  if (value.includes(':')) return ev.misconfigured(`access table ${entry.table} has entry with lookup table: ${value}`)
  return ask.lists.run(ev, ask.lists.chainOf(value), subject)
}

interface Action extends Ask {
  /** What stands behind the word. */
  readonly text: string
  readonly entry: Entry
}

function refusal({ name, replyClass }: Subject, text: string): string {
  return `<${name}>: ${replyClass} rejected: ${text}`
}

function refuse({ ev, subject, text }: Action, code: number, status: '4.7.1' | '5.7.1'): Outcome {
  const split = splitStatus(text, status)
  return ev.reject(code, fitStatus(split.status, subject.replyClass), refusal(subject, split.text || 'Access denied'))
}

function hold({ ev, subject, text }: Action, when: 'deferOnPermit' | 'deferOnReject'): Outcome {
  const split = splitStatus(text, '4.7.1')
  const status = fitStatus(split.status, subject.replyClass)
  return ev[when]({ code: 450, status, text: refusal(subject, split.text || 'Service unavailable') })
}

/** Actions on the message need one, and a queue that it goes to: without smtpd_delay_reject there is none at connect and HELO. */
function hasMessage({ ev, entry }: Action, action: string): boolean {
  if (action !== 'PREPEND' && ev.rules.cf.smtpd_proxy_filter !== '') {
    ev.rules.warn(`access table ${entry.table}: with smtpd_proxy_filter specified, action ${action} is unavailable`)
    return false
  }
  if (ev.facts.sender !== undefined) return true
  ev.rules.warn(
    `access table ${entry.table}: with smtpd_delay_reject=no, action ${action} is always skipped in client or helo restrictions`,
  )
  return false
}

function complain({ ev, entry }: Action, what: string): Outcome {
  ev.rules.warn(`access table ${entry.table} entry "${entry.key}" ${what}`)
  return 'dunno'
}

const actions: ReadonlyMap<string, (a: Action) => Outcome> = new Map<string, (a: Action) => Outcome>([
  ['DUNNO', () => 'dunno'],
  ['OK', () => 'ok'],
  ['RELAY', () => 'ok'],
  ['REJECT', (a) => refuse(a, a.ev.rules.cf.access_map_reject_code, '5.7.1')],
  ['DEFER', (a) => refuse(a, a.ev.rules.cf.access_map_defer_code, '4.7.1')],
  ['DEFER_IF_PERMIT', (a) => hold(a, 'deferOnPermit')],
  ['DEFER_IF_REJECT', (a) => hold(a, 'deferOnReject')],
  ['WARN', (a) => log(a, 'warn')],
  ['INFO', (a) => log(a, 'info')],
  ['FILTER', filter],
  ['HOLD', holdMessage],
  ['DISCARD', discard],
  ['REDIRECT', (a) => address(a, 'redirect')],
  ['BCC', (a) => address(a, 'bcc')],
  ['PREPEND', prepend],
])

function log({ ev, text }: Action, severity: 'warn' | 'info'): Outcome {
  ev.note(severity, text)
  ev.effects.push({ action: 'log', severity, text })
  return 'dunno'
}

function filter(a: Action): Outcome {
  if (!hasMessage(a, 'FILTER')) return 'dunno'
  if (a.text === '') return complain(a, 'has FILTER entry without value')
  if (!a.text.includes(':')) return complain(a, 'requires transport:destination')
  a.ev.note('filter', `<${a.subject.name}>: ${a.subject.replyClass} triggers FILTER ${a.text}`)
  a.ev.effects.push({ action: 'filter', destination: a.text })
  return 'dunno'
}

function holdMessage(a: Action): Outcome {
  if (!hasMessage(a, 'HOLD')) return 'dunno'
  a.ev.note('hold', `<${a.subject.name}>: ${a.subject.replyClass} ${a.text || 'triggers HOLD action'}`)
  a.ev.effects.push({ action: 'hold' })
  return 'dunno'
}

function discard(a: Action): Outcome {
  if (!hasMessage(a, 'DISCARD')) return 'dunno'
  a.ev.note('discard', `<${a.subject.name}>: ${a.subject.replyClass} ${a.text || 'triggers DISCARD action'}`)
  a.ev.effects.push({ action: 'discard' })
  a.ev.discarding = true
  return 'ok'
}

function address(a: Action, action: 'redirect' | 'bcc'): Outcome {
  const word = action.toUpperCase()
  if (!hasMessage(a, word)) return 'dunno'
  if (!a.text.includes('@')) return complain(a, 'requires user@domain target')
  a.ev.note(action, `<${a.subject.name}>: ${a.subject.replyClass} triggers ${word} ${a.text}`)
  a.ev.effects.push({ action, address: a.text })
  return 'dunno'
}

function prepend(a: Action): Outcome {
  if (!hasMessage(a, 'PREPEND')) return 'dunno'
  if (a.ev.where === 'END-OF-MESSAGE') {
    a.ev.rules.warn(`access table ${a.entry.table}: action PREPEND must be used before smtpd_end_of_data_restrictions`)
    return 'dunno'
  }
  // RFC 5322 §2.2: a field name is printable ASCII without a colon.
  if (!/^[!-9;-~]+[ \t]*:/.test(a.text)) return complain(a, 'requires header: text')
  a.ev.effects.push({ action: 'prepend', line: a.text })
  return 'dunno'
}
