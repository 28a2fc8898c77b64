/**
 * Addresses as rewriting sees them: Postfix's internal (unquoted) form `local@domain`, where the local part may hold
 * any octets, and what quoting it would make of them. RFC 5322 §3.4.1.
 */
import { isIP, isIPv6 } from 'node:net'

/** `domain` undefined: there is no `@`; `''`: the address ends in `@`. */
export interface Parts {
  readonly local: string
  readonly domain: string | undefined
}

export function split(address: string): Parts {
  const at = address.lastIndexOf('@')
  return at < 0 ? { local: address, domain: undefined } : { local: address.slice(0, at), domain: address.slice(at + 1) }
}

export function join({ local, domain }: Parts): string {
  return domain === undefined ? local : `${local}@${domain}`
}

/** The domain in lower case, `''` for none. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1 || address.length).toLowerCase()
}

/** `dot-atom`, with octets above ASCII (RFC 6531 §3.3): such a local part stands without quotes. */
const DOT_ATOM = /^[^\p{Cc} ()<>@,;:\\"[\].]+(\.[^\p{Cc} ()<>@,;:\\"[\].]+)*$/u

export function needsQuotes(local: string): boolean {
  return !DOT_ATOM.test(local)
}

/** The form of header fields and lookup keys: `"john doe"@example.com`. */
export function quote(address: string): string {
  const { local, domain } = split(address)
  if (local === '' || !needsQuotes(local)) return address
  return join({ local: `"${local.replace(/["\\\r\n]/g, '\\$&')}"`, domain })
}

/** The internal form of a quoted address; what is not quoted is left alone. */
export function unquote(address: string): string {
  if (!address.includes('"') && !address.includes('\\')) return address
  let text = ''
  let quoted = false
  for (let i = 0; i < address.length; i++) {
    const c = address.charAt(i)
    if (c === '\\' && i + 1 < address.length) text += address.charAt(++i)
    else if (c === '"') quoted = !quoted
    else text += c
  }
  return quoted ? address : text
}

/**
 * The addresses of a lookup result or an alias: parted by commas and blanks, quotes and `|"command with blanks"` kept
 * together, comments in parentheses left out, of `Name <address>` the address alone. A line that does not begin with a blank
 * begins anew, as in :include: files. Each is in internal form; `limit` bounds their number.
 */
export function addressList(text: string, limit: number): string[] {
  const found: string[] = []
  let word = ''
  let quoted = false
  let depth = 0
  /** Words since the last comma, which are a name where an address in brackets follows. */
  let words = 0
  let bracketed = false
  const end = (): void => {
    if (word !== '' && found.length < limit) {
      found.push(unquote(word))
      words++
    }
    word = ''
  }
  for (let i = 0; i < text.length; i++) {
    const c = text.charAt(i)
    if (c === '\\' && i + 1 < text.length) {
      if (depth === 0) word += c + text.charAt(i + 1)
      i++
    } else if (quoted || (c === '"' && depth === 0)) {
      word += c
      if (c === '"') quoted = !quoted
    } else if (c === '(') depth++
    else if (c === ')' && depth > 0) depth--
    else if (depth > 0) continue
    else if (bracketed && c !== '>') word += /\s/.test(c) ? '' : c
    else if (c === '<') {
      found.length -= words
      ;[word, words, bracketed] = ['', 0, true]
    } else if (bracketed || c === ',' || c === ' ' || c === '\t' || c === '\r' || c === '\n') {
      end()
      if (bracketed || c === ',' || (c === '\n' && !/[ \t]/.test(text.charAt(i + 1)))) words = 0
      bracketed = false
    } else word += c
  }
  end()
  return found
}

/** Labels of at most 63 characters that begin and end with something else than a hyphen. */
const HOSTNAME =
  /^[\w\x80-\uffff](?:[\w\x80-\uffff-]{0,61}[\w\x80-\uffff])?(?:\.[\w\x80-\uffff](?:[\w\x80-\uffff-]{0,61}[\w\x80-\uffff])?)*$/

/** A domain that a host can have: Postfix's valid_hostname(). Underscores pass; an address does not. */
export function isValidHostname(name: string): boolean {
  return HOSTNAME.test(name) && (name.length <= 85 || Buffer.byteLength(name) <= 255) && !/^[0-9.]+$/.test(name)
}

/** `[192.0.2.1]`, `[IPv6:2001:db8::1]`: the address inside, undefined for other texts. RFC 5321 §4.1.3. */
export function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return undefined
  const inside = domain.slice(1, -1)
  if (/^ipv6:/i.test(inside)) return isIPv6(inside.slice(5)) ? inside.slice(5) : undefined
  return isIP(inside) === 4 ? inside : undefined
}

export interface Extension {
  readonly bare: string
  /** With its delimiter: `+news`. */
  readonly extension: string
}

export interface ExtensionSettings {
  readonly recipient_delimiter: string
  readonly owner_request_special: boolean
  readonly double_bounce_sender: string
}

/** Cuts `user+extension` at the first of the delimiters; undefined where there is none or it must stay whole. */
export function splitExtension(local: string, cf: ExtensionSettings): Extension | undefined {
  const delimiters = cf.recipient_delimiter
  if (delimiters === '') return undefined
  const folded = local.toLowerCase()
  if (folded === 'mailer-daemon' || folded === 'postmaster' || folded === cf.double_bounce_sender.toLowerCase())
    return undefined
  // owner-list and list-request are names of their own: aliases(5).
  if (delimiters.includes('-') && cf.owner_request_special)
    if (folded.startsWith('owner-') || (folded.endsWith('-request') && folded.length > 8)) return undefined
  for (let i = 0; i < local.length; i++) {
    if (!delimiters.includes(local.charAt(i))) continue
    return i === 0 || i === local.length - 1 ? undefined : { bare: local.slice(0, i), extension: local.slice(i) }
  }
  return undefined
}

/** The same for a whole address. */
export function splitAddressExtension(address: string, cf: ExtensionSettings): Extension | undefined {
  const { local, domain } = split(address)
  const cut = splitExtension(local, cf)
  return cut && { bare: join({ local: cut.bare, domain }), extension: cut.extension }
}
