/** The From field of local mail that has none: the sender's address with the name. RFC 5322 §3.4, RFC 2047. */
import { encodeName } from '../../formats/message/mod.ts'
import { choice, defineParams, str } from '../../io/config/mod.ts'

export const fullNameParams = defineParams({
  header_from_format: choice(
    ['standard', 'obsolete'],
    'standard',
    'How a From field is made for local mail without one: standard is name <address>, obsolete is address (name).',
  ),
  full_name_encoding_charset: str(
    'utf-8',
    'The character set that names outside ASCII are written in there, as RFC 2047 says: utf-8, iso-8859-1; another is written as utf-8. Empty: they stand as they are.',
  ),
})

export interface NamedSender {
  readonly address: string
  /** `''` for none. */
  readonly fullName: string
  readonly format: 'standard' | 'obsolete'
  /** `''`: names are not encoded. */
  readonly charset: string
}

/** A name of plain words stands as it is, any other is quoted or encoded. */
export function fromValue({ address, fullName, format, charset }: NamedSender): string {
  const name = fullName.replace(/[\r\n\0]+/g, ' ').trim()
  if (name === '') return address
  const plain = /^[\x20-\x7e]*$/.test(name) || charset === ''
  if (format === 'obsolete')
    return `${address} (${plain ? name.replace(/[()\\]/g, '\\$&') : encodeName(name, charset, /[=?_()\\]/)})`
  if (!plain) return `${encodeName(name, charset, /[^\w!*+/-]|_/)} <${address}>`
  if (/^[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff} -]+$/u.test(name)) return `${name} <${address}>`
  return `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`
}
