/** Encoded words of header fields. RFC 2047, with the freedom that mail in the wild needs. */
import { decodeCharset } from './charset.ts'
import { decodeQuotedPrintable } from './transfer.ts'

const WORD = /=\?([^?\s]{1,75})\?([BbQq])\?([^?]*)\?=/g

interface Run {
  charset: string
  octets: Buffer[]
}

/**
 * Decodes all encoded words; blanks between two of them go (RFC 2047 §6.2). Neighbours of one charset are joined before they
 * are decoded, for many senders cut characters in two. Raw octets above ASCII are taken as UTF-8 where they are.
 */
export function decodeWords(raw: string): string {
  if (!raw.includes('=?')) return raw
  let text = ''
  let at = 0
  let run: Run | undefined
  const flush = (): void => {
    if (run !== undefined) text += decodeCharset(Buffer.concat(run.octets), run.charset)
    run = undefined
  }
  for (const match of raw.matchAll(WORD)) {
    const between = raw.slice(at, match.index)
    const [whole, charset = '', encoding = '', body = ''] = match
    if (run === undefined || between.trim() !== '') {
      flush()
      text += between
    }
    const octets = wordOctets(encoding, body)
    if (run !== undefined && run.charset.toLowerCase() === charset.toLowerCase()) run.octets.push(octets)
    else {
      flush()
      run = { charset, octets: [octets] }
    }
    at = match.index + whole.length
  }
  flush()
  return text + raw.slice(at)
}

function wordOctets(encoding: string, body: string): Buffer {
  if (encoding.toUpperCase() === 'B') return Buffer.from(body, 'base64')
  return decodeQuotedPrintable(Buffer.from(body.replaceAll('_', ' ')))
}

/** RFC 2047 §2: with its frame. */
const WORD_LIMIT = 75
/** Names shorter than this are written as Q, which people can read. */
const SHORT = 20

/** In base64; what is read back is the text. */
export function encodeWords(text: string): string {
  return cutWords(text, (piece) => `=?utf-8?B?${Buffer.from(piece).toString('base64')}?=`)
}

/**
 * As Postfix writes names: Q where they are short or more than half plain, so that people can read them, else base64.
 * @param wanted `utf-8`, `iso-8859-1`; where it cannot have the text, utf-8
 * @param special what must not stand as it is in this place
 */
export function encodeName(text: string, wanted: string, special: RegExp): string {
  const latin1 = /^(?:iso-8859-1|us-ascii|latin1)$/i.test(wanted) && /^[\0-\xff]*$/.test(text)
  const octetsOf = (part: string): Buffer => Buffer.from(part, latin1 ? 'latin1' : 'utf8')
  const isCoded = (character: string): boolean => special.test(character) || !/^[\x21-\x7e]$/.test(character)
  const octets = octetsOf(text).length
  const coded = octetsOf(Array.from(text).filter(isCoded).join('')).length
  const asQ = octets < SHORT || coded < Math.floor(octets / 2)
  const q = (character: string): string => {
    if (character === ' ') return '_'
    if (!isCoded(character)) return character
    return Array.from(octetsOf(character), (c) => `=${c.toString(16).toUpperCase().padStart(2, '0')}`).join('')
  }
  const body = (piece: string): string =>
    asQ ? `Q?${Array.from(piece, q).join('')}` : `B?${octetsOf(piece).toString('base64')}`
  return cutWords(text, (piece) => `=?${latin1 ? wanted : 'utf-8'}?${body(piece)}?=`)
}

/** Never cut inside a character (RFC 2047 §5). */
function cutWords(text: string, word: (piece: string) => string): string {
  const words: string[] = []
  let piece = ''
  for (const character of text) {
    if (word(piece + character).length > WORD_LIMIT) {
      words.push(word(piece))
      piece = ''
    }
    piece += character
  }
  return [...words, word(piece)].join('\r\n ')
}
