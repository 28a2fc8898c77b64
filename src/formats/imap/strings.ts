/** Strings as IMAP prints them: quoted where that is possible, else literals. RFC 9051 §4.3. */

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** A quoted string holds ASCII without CR, LF, NUL; longer ones are literals so that no client's line buffer overflows. */
const QUOTED_LIMIT = 1024

function quotable(octets: Buffer): boolean {
  if (octets.length > QUOTED_LIMIT) return false
  for (const octet of octets) if (octet >= 0x80 || octet === 0x0d || octet === 0x0a || octet === 0) return false
  return true
}

function quotedOctets(octets: Buffer): Buffer {
  let specials = 0
  for (const octet of octets) if (octet === QUOTE || octet === BACKSLASH) specials++
  const out = Buffer.allocUnsafe(octets.length + specials + 2)
  let to = 0
  out[to++] = QUOTE
  for (const octet of octets) {
    if (octet === QUOTE || octet === BACKSLASH) out[to++] = BACKSLASH
    out[to++] = octet
  }
  out[to] = QUOTE
  return out
}

/** `string`: quoted or literal. NUL, which neither may hold, becomes a blank. */
export function printString(value: string | Buffer): Buffer {
  const octets = typeof value === 'string' ? Buffer.from(value) : value
  if (quotable(octets)) return quotedOctets(octets)
  const clean = octets.includes(0) ? Buffer.from(octets.map((octet) => (octet === 0 ? 0x20 : octet))) : octets
  return Buffer.concat([Buffer.from(`{${clean.length}}\r\n`), clean])
}

/** What stands between quotes as it is. */
const PLAIN = /^[^\0\r\n"\\\x80-\uffff]*$/

/** The same as text, an octet a character: what is made of many strings becomes octets once, at the end. */
export function stringText(value: string): string {
  if (value.length <= QUOTED_LIMIT && PLAIN.test(value)) return `"${value}"`
  return printString(value).toString('latin1')
}

export function nStringText(value: string | undefined): string {
  return value === undefined ? 'NIL' : stringText(value)
}

const NIL = Buffer.from('NIL')

export function printNString(value: string | undefined): Buffer {
  return value === undefined ? NIL : printString(value)
}

/** `astring`: an atom where it may be one. */
export function printAString(value: string): Buffer {
  return /^[!#$&'+,./0-9:;<=>?@A-Z[\]^_`a-z|}~-]+$/.test(value) && !/^NIL$/i.test(value)
    ? Buffer.from(value)
    : printString(value)
}
