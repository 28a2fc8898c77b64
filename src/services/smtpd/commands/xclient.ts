/** XCLIENT: a proxy says for whom it speaks. Postfix's XCLIENT_README. */
import { printable } from '#src/base/mod.ts'
import { isIP } from 'node:net'
import { type CommandLine, decodeXtext, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { greet } from '../greeting.ts'
import type { Session } from '../session.ts'
import { neutral } from './helo.ts'

const UNAVAILABLE = '[UNAVAILABLE]'
const TEMPORARY = '[TEMPUNAVAIL]'

/** What one command changes; all or nothing. */
interface Override {
  client: Session['client']
  helo: string | undefined
  esmtp: boolean
  sasl: Session['sasl']
}

export async function xclient(session: Session, { rest }: CommandLine): Promise<Reply | undefined> {
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: MAIL transaction in progress')
  if (rest === '') throw new SmtpError(501, '5.5.4', 'Syntax: XCLIENT attribute=value...')
  if (!(await session.shared.lists.xclient(session.peer)))
    throw new SmtpError(550, '5.7.0', 'Error: insufficient authorization')
  const { client, helo, esmtp, sasl } = session
  const override: Override = { client, helo, esmtp, sasl }
  for (const [name, value] of attributes(rest, true)) apply(override, name, value)
  session.restart()
  session.milters?.disconnect()
  session.milters = undefined
  Object.assign(session, override)
  session.peer = { name: override.client.name, address: override.client.address }
  await greet(session)
  return undefined
}

/** `NAME=value` pairs, values decoded from xtext. Shared with XFORWARD. @param lenient what is no xtext stays as it came */
export function attributes(text: string, lenient = false): [name: string, value: string][] {
  return text.split(/\s+/).map((word) => {
    const equals = word.indexOf('=')
    const value = equals < 1 ? '' : word.slice(equals + 1)
    if (value === '') throw new SmtpError(501, '5.5.4', 'Error: attribute=value expected')
    const decoded = decodeXtext(value) ?? (lenient ? value : undefined)
    if (decoded === undefined) throw new SmtpError(501, '5.5.4', 'Bad attribute value syntax: ' + value)
    return [word.slice(0, equals), printable(decoded)]
  })
}

export function badValue(name: string, value: string): SmtpError {
  return new SmtpError(501, '5.5.4', `Bad ${name} syntax: ${value}`)
}

function apply(o: Override, attribute: string, value: string): void {
  const name = attribute.toUpperCase()
  switch (name) {
    case 'NAME': {
      const [known, status] = hostName(name, value)
      o.client = { ...o.client, name: known, nameStatus: status }
      return
    }
    case 'REVERSE_NAME': {
      const [known, status] = hostName(name, value)
      o.client = { ...o.client, reverseName: known, reverseStatus: status }
      return
    }
    case 'ADDR':
      o.client = { ...o.client, address: value === UNAVAILABLE ? 'unknown' : address(name, value) }
      return
    case 'PORT':
      o.client = { ...o.client, port: value === UNAVAILABLE ? 0 : port(name, value) }
      return
    case 'HELO':
      if (value.length > 255) throw badValue(name, value)
      o.helo = value === UNAVAILABLE ? undefined : neutral(value)
      return
    case 'PROTO':
      if (!/^E?SMTP$/i.test(value)) throw badValue(name, value)
      o.esmtp = value.toUpperCase() === 'ESMTP'
      return
    case 'LOGIN':
      o.sasl = value === UNAVAILABLE ? undefined : { method: 'XCLIENT', username: value, sender: '' }
      return
    // Where the client connected to: nothing here depends on it.
    case 'DESTADDR':
      if (value !== UNAVAILABLE) address(name, value)
      return
    case 'DESTPORT':
      if (value !== UNAVAILABLE) port(name, value)
      return
    default:
      throw new SmtpError(501, '5.5.4', `Bad XCLIENT attribute name: ${attribute}`)
  }
}

function hostName(attribute: string, value: string): [string, 'ok' | 'permanent' | 'temporary'] {
  if (value === UNAVAILABLE) return ['unknown', 'permanent']
  if (value === TEMPORARY) return ['unknown', 'temporary']
  if (value.length > 255 || !/^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?$/.test(value) || isIP(value) > 0) {
    throw badValue(attribute, value)
  }
  return [value, 'ok']
}

function address(attribute: string, value: string): string {
  const bare = value.replace(/^IPv6:/i, '')
  if (isIP(bare) !== (bare === value ? 4 : 6)) throw badValue(attribute, value)
  return bare
}

function port(attribute: string, value: string): number {
  if (!/^\d{1,5}$/.test(value)) throw badValue(attribute, value)
  return Number(value)
}
