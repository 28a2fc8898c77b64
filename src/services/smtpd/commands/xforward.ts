/** XFORWARD: a content filter says where a message came from, for the log. Postfix's XFORWARD_README. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import type { Forwarded, Session } from '../session.ts'
import { neutral } from './helo.ts'
import { attributes, badValue } from './xclient.ts'

const UNAVAILABLE = '[UNAVAILABLE]'
const VALUE_LIMIT = 255
const PROTOCOL_LIMIT = 64

export async function xforward(session: Session, { rest }: CommandLine): Promise<Reply> {
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: MAIL transaction in progress')
  if (rest === '') throw new SmtpError(501, '5.5.4', 'Syntax: XFORWARD attribute=value...')
  if (!(await session.shared.lists.xforward(session.origin)))
    throw new SmtpError(550, '5.7.0', 'Error: insufficient authorization')
  const forwarded: { -readonly [N in keyof Forwarded]: Forwarded[N] } = { ...session.forwarded }
  for (const [name, value] of attributes(rest)) {
    if (value.length > VALUE_LIMIT) throw new SmtpError(501, '5.5.4', 'Error: attribute value too long')
    apply(forwarded, name, value)
  }
  session.forwarded = forwarded
  return { code: 250, enhanced: '2.0.0', lines: ['Ok'] }
}

function apply(o: { -readonly [N in keyof Forwarded]: Forwarded[N] }, attribute: string, value: string): void {
  const name = attribute.toUpperCase()
  const known = value === UNAVAILABLE ? undefined : neutral(value)
  switch (name) {
    case 'NAME':
      o.name = known ?? 'unknown'
      return
    case 'ADDR':
      o.address = (known ?? 'unknown').replace(/^IPv6:/i, '')
      return
    case 'IDENT':
      if (known === undefined) delete o.ident
      else o.ident = known
      return
    case 'SOURCE':
      if (!/^(LOCAL|REMOTE|\[UNAVAILABLE\])$/i.test(value)) throw badValue(name, value)
      o.local = value.toUpperCase() === 'LOCAL'
      return
    case 'PORT':
      if (known !== undefined && !/^\d{1,5}$/.test(known)) throw badValue(name, value)
      if (known === undefined) delete o.port
      else o.port = Number(known)
      return
    case 'PROTO':
      if (value.length > PROTOCOL_LIMIT) throw badValue(name, value)
      o.protocol = known ?? 'unknown'
      return
    case 'HELO':
      if (known === undefined) delete o.helo
      else o.helo = known
      return
    default:
      throw new SmtpError(501, '5.5.4', `Bad XFORWARD attribute name: ${attribute}`)
  }
}
