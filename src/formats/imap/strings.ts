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

const SPACE = Buffer.from(' ')

/** `(a b c)`. */
export function parenthesised(items: readonly Buffer[], separator: Buffer = SPACE): Buffer {
  const parts: Buffer[] = [Buffer.from('(')]
  for (const [i, item] of items.entries()) {
    if (i > 0 && separator.length > 0) parts.push(separator)
    parts.push(item)
  }
  parts.push(Buffer.from(')'))
  return Buffer.concat(parts)
}
