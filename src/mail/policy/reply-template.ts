/**
 * Replies made from templates: `$name`, `${name?text}`, `${name:text}`. postconf(5) default_rbl_reply.
 */
import type { Evaluation } from './evaluation.ts'

/** Texts in texts. */
const MAX_DEPTH = 20

/** Fills a template in. What comes from clients and DNS is cut down to smtpd_expansion_filter's characters. */
export function expandReply(ev: Evaluation, template: string, own: Readonly<Record<string, string>>): string {
  const allowed = new Set(unescaped(ev.rules.cf.smtpd_expansion_filter))
  const value = (name: string): string => {
    const text = own[name] ?? sessionValue(ev, name)
    return Array.from(text, (c) => (allowed.has(c) ? c : '_')).join('')
  }
  return fill(template, value, 0)
}

function fill(template: string, value: (name: string) => string, depth: number): string {
  if (depth > MAX_DEPTH) return ''
  let text = ''
  for (let i = 0; i < template.length; i++) {
    const c = template.charAt(i)
    if (c !== '$') {
      text += c
      continue
    }
    const next = template.charAt(i + 1)
    if (next === '$') {
      text += '$'
      i++
    } else if (next === '{' || next === '(') {
      const end = closing(template, i + 1)
      text += form(template.slice(i + 2, end), value, depth)
      i = end
    } else {
      const [name = ''] = /^\w+/.exec(template.slice(i + 1)) ?? []
      text += name === '' ? '$' : value(name)
      i += name.length
    }
  }
  return text
}

/** What stands between the braces of a form. */
function form(inside: string, value: (name: string) => string, depth: number): string {
  const [, name = '', operator, rest = ''] = /^\s*(\w+)\s*([?:])?(.*)$/s.exec(inside) ?? []
  const isSet = value(name) !== ''
  if (operator === undefined) return value(name)
  if (!rest.trimStart().startsWith('{')) return (operator === '?') === isSet ? fill(rest, value, depth + 1) : ''
  const first = rest.trimStart()
  const end = closing(first, 0)
  const chosen = (operator === '?') === isSet
  if (chosen) return fill(first.slice(1, end), value, depth + 1)
  const [, other] = /^\s*:\s*\{(.*)\}\s*$/s.exec(first.slice(end + 1)) ?? []
  return other === undefined ? '' : fill(other, value, depth + 1)
}

/** Where the group that opens at `at` closes; the end of the text where it does not. */
function closing(text: string, at: number): number {
  let depth = 0
  for (let i = at; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === '{' || c === '(') depth++
    else if ((c === '}' || c === ')') && --depth === 0) return i
  }
  return text.length
}

/** What is known of the session, by the names that postconf(5) gives it. */
function sessionValue(ev: Evaluation, name: string): string {
  const { client, helo, sender, recipient } = ev.facts
  switch (name) {
    case 'client':
      return ev.client
    case 'client_address':
      return client.address
    case 'client_name':
      return client.name
    case 'reverse_client_name':
      return client.reverseName
    case 'helo_name':
      return helo ?? ''
    case 'sender':
    case 'sender_name':
    case 'sender_domain':
      return addressPart(sender, name.slice(7))
    case 'recipient':
    case 'recipient_name':
    case 'recipient_domain':
      return addressPart(recipient, name.slice(10))
    default:
      ev.rules.warn(`unknown macro name "${name}" in expansion request`)
      return ''
  }
}

function addressPart(address: string | undefined, part: string): string {
  if (address === undefined) return ''
  if (address === '') return part === 'domain' ? '' : '<>'
  const at = address.lastIndexOf('@')
  if (part === '') return address
  if (part === 'name') return at < 0 ? address : address.slice(0, at)
  return at < 0 ? '' : address.slice(at + 1)
}

/** C escapes, as smtpd_expansion_filter has them. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{1,3}|.)/g, (_, c: string) => {
    if (/^[0-7]/.test(c)) return String.fromCharCode(Number.parseInt(c, 8))
    return ({ t: '\t', n: '\n', r: '\r', b: '\b', f: '\f', v: '\v', a: '\x07' } as Record<string, string>)[c] ?? c
  })
}
