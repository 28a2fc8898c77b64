/** Octets to text by a charset's name: TextDecoder first, iconv-lite for what it lacks. Never throws. */
import { isUtf8 } from 'node:buffer'
import iconv from 'iconv-lite'

/** Names in the wild that neither library knows. */
const ALIASES: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  'x-sjis-jp': 'shift_jis',
  cp949: 'euc-kr',
  uhc: 'euc-kr',
  cp51932: 'euc-jp',
  cp50220: 'iso-2022-jp',
  cp50221: 'iso-2022-jp',
  'iso-2022-jp-1': 'iso-2022-jp',
  'iso-2022-jp-2': 'iso-2022-jp',
  'iso-2022-jp-ms': 'iso-2022-jp',
  '8bit': 'utf-8',
  'unknown-8bit': 'utf-8',
  unknown: 'utf-8',
  binary: 'utf-8',
  default: 'utf-8',
  'x-unknown': 'utf-8',
  ansi_x3: 'us-ascii',
  'us-ascii': 'utf-8',
  ascii: 'utf-8',
  'ansi_x3.4-1968': 'utf-8',
  '': 'utf-8',
}

function decoderFor(charset: string): (octets: Uint8Array) => string {
  const name = ALIASES[charset] ?? charset
  try {
    if (name === 'utf-8' || name === 'utf8') return utf8OrWindows1252
    const decoder = new TextDecoder(name)
    return (octets) => decoder.decode(octets)
  } catch {
    if (iconv.encodingExists(name)) return (octets) => iconv.decode(Buffer.from(octets), name)
    return utf8OrWindows1252
  }
}

/**
 * Octets that are not of their charset, as a search by octets sees them (RFC 5255 §4.6, step c): what is UTF-8 in them stands as it
 * is. undefined: they are of their charset, and `text` is all they say.
 */
export function octetReading(octets: Uint8Array, charset: string, text: string): string | undefined {
  const isRead = decoderFor(bareName(charset)) === utf8OrWindows1252 ? isUtf8(octets) : !text.includes('\ufffd')
  return isRead ? undefined : lossyUtf8.decode(octets)
}

const lossyUtf8 = new TextDecoder('utf-8')
const strictUtf8 = new TextDecoder('utf-8', { fatal: true })
const windows1252 = new TextDecoder('windows-1252')

/** What claims to be ASCII or UTF-8 and is not was most often written on Windows in the west. */
function utf8OrWindows1252(octets: Uint8Array): string {
  try {
    return strictUtf8.decode(octets)
  } catch {
    return windows1252.decode(octets)
  }
}

/** A charset that can be decoded by its name (SEARCH CHARSET asks). */
export function knowsCharset(charset: string): boolean {
  const name = charset.trim().toLowerCase()
  if (name in ALIASES) return true
  try {
    return new TextDecoder(name).encoding !== ''
  } catch {
    return iconv.encodingExists(name)
  }
}

export function decodeCharset(octets: Uint8Array, charset: string): string {
  return decoderFor(bareName(charset))(octets)
}

/** RFC 2231 §5: a language may follow. */
const bareName = (charset: string): string => charset.trim().toLowerCase().replace(/\*.*$/, '')
