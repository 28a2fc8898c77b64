/**
 * Header sections in ASCII, for clients that have not said that they read UTF-8: names and texts in encoded words, addresses
 * that cannot be written so replaced, with their names kept. After RFC 6858.
 */
import { isAscii } from 'node:buffer'
import { type ListItem, parseAddressList, toAscii } from '../address/mod.ts'
import { decodeWords, encodeWords } from './encoded-words.ts'
import { fieldValue, headerFields, type HeaderField } from './header.ts'

const ADDRESSES: ReadonlySet<string> = new Set(
  'from sender reply-to to cc bcc resent-from resent-sender resent-reply-to resent-to resent-cc resent-bcc return-path delivered-to'.split(
    ' ',
  ),
)
/** Their texts stand between quotes. */
const PARAMETERS: ReadonlySet<string> = new Set(['content-type', 'content-disposition'])
/** Nothing in them is a text for a reader. */
const TRACE: ReadonlySet<string> = new Set([
  'received',
  'message-id',
  'in-reply-to',
  'references',
  'date',
  'content-id',
])

/** What stands for an address that only UTF-8 can write. RFC 6858 §2.1; `.invalid` is nobody's (RFC 2606). */
const REPLACED = 'internationalized-address@mail.invalid'

// oxlint-disable-next-line no-control-regex -- ASCII is meant
const NOT_ASCII = /[^\x00-\x7f]+/g
const asciiOnly = (text: string): boolean => text.search(NOT_ASCII) < 0

/** The section in ASCII; undefined where it is that already. @param header with the blank line that ends it, if it has one */
export function asciiHeader(header: Buffer): Buffer | undefined {
  if (isAscii(header)) return undefined
  const fields = headerFields(header).map((field) => (isAscii(field.raw) ? field.raw : asciiField(field)))
  const blank = /(?:^|\n)(\r?\n)$/.exec(header.toString('latin1', Math.max(0, header.length - 4)))?.[1] ?? ''
  return Buffer.concat([...fields, Buffer.from(blank)])
}

function asciiField(field: HeaderField): Buffer {
  const name = field.raw.toString('latin1', 0, field.raw.indexOf(0x3a))
  return Buffer.from(`${name}: ${asciiValue(field.name, fieldValue(field))}\r\n`)
}

function asciiValue(name: string, value: string): string {
  if (ADDRESSES.has(name)) return asciiAddresses(value)
  if (TRACE.has(name)) return value.replace(NOT_ASCII, '?')
  if (PARAMETERS.has(name))
    return value
      .replace(/"([^"]*)"/g, (whole, text: string) => (asciiOnly(text) ? whole : `"${encodeWords(text)}"`))
      .replace(NOT_ASCII, '?')
  return encodeWords(decodeWords(value))
}

function asciiAddresses(value: string): string {
  let text = ''
  let between = ''
  for (const item of parseAddressList(value)) {
    if (item.kind === 'end-group') {
      text += ';'
      between = ',\r\n '
      continue
    }
    text += between + (item.kind === 'group' ? `${asciiPhrase(item.name)}:` : asciiMailbox(item))
    between = item.kind === 'group' ? ' ' : ',\r\n '
  }
  return text
}

function asciiMailbox({ name, local, domain }: Extract<ListItem, { kind: 'mailbox' }>): string {
  const address = domain === '' ? local : `${quotedLocal(local)}@${toAscii(domain)}`
  if (asciiOnly(address)) return name === '' ? address : `${asciiPhrase(name)} <${address}>`
  return `${asciiPhrase(name === '' ? `${local}@${domain}` : name)} <${REPLACED}>`
}

const quotedLocal = (local: string): string =>
  /^[^\s"(),:;<>@[\\\]]+$/.test(local) ? local : `"${local.replace(/["\\]/g, '\\$&')}"`

function asciiPhrase(name: string): string {
  if (!asciiOnly(name)) return encodeWords(decodeWords(name))
  return /^[\w!#$%&'*+/=?^`{|}~ -]*$/.test(name) ? name : `"${name.replace(/["\\]/g, '\\$&')}"`
}
