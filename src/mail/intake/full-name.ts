/** The From field of local mail that has none: the sender's address with the name. RFC 5322 §3.4, RFC 2047. */
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
    return `${address} (${plain ? name.replace(/[()\\]/g, '\\$&') : encodedWords(name, charset, /[=?_()\\]/)})`
  if (!plain) return `${encodedWords(name, charset, /[^\w!*+/-]|_/)} <${address}>`
  if (/^[\w!#$%&'*+/=?^`{|}~\x80-\u{10ffff} -]+$/u.test(name)) return `${name} <${address}>`
  return `"${name.replace(/["\\]/g, '\\$&')}" <${address}>`
}

/** RFC 2047 §2: with its frame. */
const WORD_LIMIT = 75
/** Names shorter than this are always written as Q, which people can read. */
const SHORT = 20

/** As Postfix chooses: Q for short names and for those that are more than half plain, else B. Never cut inside a character. */
function encodedWords(name: string, wanted: string, special: RegExp): string {
  const latin1 = /^(?:iso-8859-1|us-ascii|latin1)$/i.test(wanted) && /^[\0-\xff]*$/.test(name)
  const charset = latin1 ? wanted : 'utf-8'
  const octetsOf = (text: string): Buffer => Buffer.from(text, latin1 ? 'latin1' : 'utf8')
  const isCoded = (character: string): boolean => special.test(character) || !/^[\x21-\x7e]$/.test(character)
  const characters = Array.from(name)
  const octets = octetsOf(name).length
  const coded = octetsOf(characters.filter(isCoded).join('')).length
  const asQ = octets < SHORT || coded < Math.floor(octets / 2)
  const q = (character: string): string =>
    character === ' '
      ? '_'
      : isCoded(character)
        ? Array.from(octetsOf(character), (c) => `=${c.toString(16).toUpperCase().padStart(2, '0')}`).join('')
        : character
  const word = (text: string): string =>
    `=?${charset}?${asQ ? 'Q' : 'B'}?${asQ ? Array.from(text, q).join('') : octetsOf(text).toString('base64')}?=`
  const words: string[] = []
  let piece = ''
  for (const character of characters) {
    if (word(piece + character).length > WORD_LIMIT) {
      words.push(word(piece))
      piece = ''
    }
    piece += character
  }
  return [...words, word(piece)].join('\r\n ')
}
