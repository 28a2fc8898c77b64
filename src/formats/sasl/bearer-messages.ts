/** What OAUTHBEARER (RFC 7628 §3.1) and XOAUTH2 (Google's, before it) say: fields with \x01 behind each. */
import { badProtocol } from './errors.ts'
import { utf8 } from './octets.ts'
import { takeSaslname } from './scram-messages.ts'

export interface BearerMessage {
  /** Whom to act as; `''` where the client leaves it to the token. */
  readonly authzid: string
  /** `''`: the client wants to hear what is asked for (RFC 7628 §4.3). */
  readonly token: string
}

const FIELDS_MAX = 16
/** RFC 6750 §2.1. */
const BEARER = /^Bearer +([A-Za-z0-9._~+/-]+=*)$/i
/** RFC 7628 §3.1 `key`, `value`: printable, blanks, tabs and line ends. */
const FIELD = /^([A-Za-z]+)=([\x20-\x7e\t\r\n]*)$/

/** `n,a=user,` \x01 `auth=Bearer …` \x01 \x01. */
export function parseOauthBearer(message: Buffer): BearerMessage {
  const text = textOf(message)
  const [header, ...rest] = text.split('\x01')
  // RFC 5801 §4; channel binding is for a mechanism with -PLUS, which this one has not.
  const parts = /^[ny],(?:a=([^,]+))?,$/.exec(header ?? '')
  if (parts === null) throw badProtocol()
  const [, name] = parts
  return { authzid: name === undefined ? '' : takeSaslname(name), token: tokenOf(fieldsOf(rest)) }
}

/** `user=…` \x01 `auth=Bearer …` \x01 \x01. */
export function parseXoauth2(message: Buffer): BearerMessage {
  const [user, ...rest] = textOf(message).split('\x01')
  if (!user?.startsWith('user=')) throw badProtocol()
  return { authzid: user.slice('user='.length), token: tokenOf(fieldsOf(rest)) }
}

function textOf(message: Buffer): string {
  const text = utf8(message)
  if (text === undefined || text.includes('\0')) throw badProtocol()
  return text
}

/** After the first field: `*kvpair` and the last \x01. */
function fieldsOf(parts: readonly string[]): ReadonlyMap<string, string> {
  if (parts.length < 2 || parts.length > FIELDS_MAX || parts.at(-1) !== '' || parts.at(-2) !== '') throw badProtocol()
  const fields = new Map<string, string>()
  for (const part of parts.slice(0, -2)) {
    const [, key, value] = FIELD.exec(part) ?? []
    if (key === undefined || value === undefined || fields.has(key)) throw badProtocol()
    fields.set(key, value)
  }
  return fields
}

function tokenOf(fields: ReadonlyMap<string, string>): string {
  const auth = fields.get('auth')
  if (auth === undefined || auth === '') return ''
  const [, token] = BEARER.exec(auth) ?? []
  if (token === undefined) throw badProtocol()
  return token
}
