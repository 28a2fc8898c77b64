/** ENVELOPE. RFC 9051 §7.5.2. Texts are as they stand in the header, encoded words and all; clients decode them. */
import { type ListItem, parseAddressList } from '../address/mod.ts'
import { fieldValue, type HeaderField } from '../message/mod.ts'
import { nStringText, stringText } from './strings.ts'

/** Addresses of one field at the most: a header of a megabyte must not become an answer of ten. */
const ADDRESS_LIMIT = 1000

function address(item: ListItem): string {
  switch (item.kind) {
    case 'group':
      return `(NIL NIL ${stringText(item.name)} NIL)`
    case 'end-group':
      return '(NIL NIL NIL NIL)'
    case 'mailbox': {
      const name = item.name === '' ? undefined : item.name
      return `(${nStringText(name)} NIL ${stringText(item.local)} ${stringText(item.domain)})`
    }
    default:
      return item satisfies never
  }
}

function addresses(text: string | undefined): string | undefined {
  if (text === undefined) return undefined
  const items = parseAddressList(text).slice(0, ADDRESS_LIMIT)
  return items.length === 0 ? undefined : `(${items.map(address).join('')})`
}

/** @param fields the message's own; the first of each name counts */
export function printEnvelope(fields: readonly HeaderField[]): Buffer {
  return Buffer.from(envelopeText(fields), 'latin1')
}

/** An octet a character. */
export function envelopeText(fields: readonly HeaderField[]): string {
  const value = (name: string): string | undefined => {
    const field = fields.find((f) => f.name === name)
    return field && fieldValue(field)
  }
  const list = (name: string): string | undefined => addresses(value(name))
  const from = list('from') ?? 'NIL'
  const items = [
    nStringText(value('date')),
    nStringText(value('subject')),
    from,
    list('sender') ?? from, // RFC 9051: absent or empty, they are From's
    list('reply-to') ?? from,
    list('to') ?? 'NIL',
    list('cc') ?? 'NIL',
    list('bcc') ?? 'NIL',
    nStringText(value('in-reply-to')),
    nStringText(value('message-id')),
  ]
  return `(${items.join(' ')})`
}
