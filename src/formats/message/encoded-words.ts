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

/** RFC 2047 §2: at most 75 characters a word, never cut inside a character. */
export function encodeWords(text: string): string {
  const words: string[] = []
  let piece = ''
  for (const character of text) {
    if (Buffer.byteLength(piece + character) > 45) {
      words.push(piece)
      piece = ''
    }
    piece += character
  }
  return [...words, piece].map((word) => `=?utf-8?B?${Buffer.from(word).toString('base64')}?=`).join('\r\n ')
}
