/**
 * The parts of an address, and its printed forms. An address here is Postfix's internal form, `local@domain` without
 * quotes, whose local part may hold any characters. RFC 5321 §4.1.2, RFC 6531 §3.3.
 */

export interface AddressParts {
  readonly local: string
  /** undefined: there is no `@`; `''`: the address ends in `@`. */
  readonly domain: string | undefined
}

/** Parts at the last `@`, since a domain holds none. */
export function splitAddress(address: string): AddressParts {
  const at = address.lastIndexOf('@')
  return at < 0 ? { local: address, domain: undefined } : { local: address.slice(0, at), domain: address.slice(at + 1) }
}

export function joinAddress({ local, domain }: AddressParts): string {
  return domain === undefined ? local : `${local}@${domain}`
}

/** `Dot-string`, with what RFC 6531 adds; a local part that is none stands in quotes. */
const DOT_STRING = /^[^\p{Cc} ()<>@,;:\\"[\].]+(?:\.[^\p{Cc} ()<>@,;:\\"[\].]+)*$/u

export function needsQuotes(local: string): boolean {
  return !DOT_STRING.test(local)
}

/** A local part as it is printed. A line end or NUL, which nothing can hold, becomes `?`. */
export function printLocal(local: string): string {
  if (!needsQuotes(local)) return local
  return `"${local.replace(/[\0\r\n]/g, '?').replace(/["\\]/g, '\\$&')}"`
}

/** `"john doe"@example.com`: the form of header fields, lookup keys and paths. `''` stays. */
export function printAddress(address: string): string {
  if (address === '') return ''
  const { local, domain } = splitAddress(address)
  if (domain === undefined) return printLocal(local)
  return `${printLocal(local)}@${domain.replace(/[\0\r\n]/g, '?')}`
}

/** `<"john doe"@example.com>`, `<>` for the null sender. */
export function printPath(address: string): string {
  return `<${printAddress(address)}>`
}

const ATOMS = /^[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*$/

/**
 * `"Doe, John" <john@example.com>`; the address alone where there is no name. The name is taken as it is: one with
 * characters outside ASCII wants SMTPUTF8 or encoded words first.
 */
export function printMailbox(name: string, address: string): string {
  if (name === '') return printAddress(address)
  const clean = name.replace(/[\0\r\n]+/g, ' ')
  const phrase = ATOMS.test(clean) ? clean : `"${clean.replace(/["\\]/g, '\\$&')}"`
  return `${phrase} ${printPath(address)}`
}
