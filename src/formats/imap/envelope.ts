/** ENVELOPE. RFC 9051 §7.5.2. Texts are as they stand in the header, encoded words and all; clients decode them. */
import { type ListItem, parseAddressList } from '../address/mod.ts'
import { fieldValue, type HeaderField } from '../message/mod.ts'
import { parenthesised, printNString, printString } from './strings.ts'

const NIL = Buffer.from('NIL')
const NOTHING = Buffer.alloc(0)

/** Addresses of one field at the most: a header of a megabyte must not become an answer of ten. */
const ADDRESS_LIMIT = 1000

function address(item: ListItem): Buffer {
  switch (item.kind) {
    case 'group':
      return parenthesised([NIL, NIL, printString(item.name), NIL])
    case 'end-group':
      return parenthesised([NIL, NIL, NIL, NIL])
    case 'mailbox': {
      const name = item.name === '' ? undefined : item.name
      return parenthesised([printNString(name), NIL, printString(item.local), printString(item.domain)])
    }
    default:
      return item satisfies never
  }
}

function addresses(text: string | undefined): Buffer | undefined {
  if (text === undefined) return undefined
  const items = parseAddressList(text).slice(0, ADDRESS_LIMIT)
  return items.length === 0 ? undefined : parenthesised(items.map(address), NOTHING)
}

/** @param fields the message's own; the first of each name counts */
export function printEnvelope(fields: readonly HeaderField[]): Buffer {
  const value = (name: string): string | undefined => {
    const field = fields.find((f) => f.name === name)
    return field && fieldValue(field)
  }
  const list = (name: string): Buffer | undefined => addresses(value(name))
  const from = list('from') ?? NIL
  return parenthesised([
    printNString(value('date')),
    printNString(value('subject')),
    from,
    list('sender') ?? from, // RFC 9051: absent or empty, they are From's
    list('reply-to') ?? from,
    list('to') ?? NIL,
    list('cc') ?? NIL,
    list('bcc') ?? NIL,
    printNString(value('in-reply-to')),
    printNString(value('message-id')),
  ])
}
