/** FETCH items. RFC 9051 §6.4.5, §9 `fetch-att`; RFC 3516 (BINARY), RFC 7162 (MODSEQ), RFC 8474, RFC 8514, RFC 8970 (PREVIEW). */
import type { Cursor } from './cursor.ts'
import { type PartialRange, takePartialRange } from './partial.ts'
import type { Partial, Section } from './section.ts'
import { printAString } from './strings.ts'

export type FetchItem =
  | {
      readonly item: 'FLAGS' | 'UID' | 'INTERNALDATE' | 'RFC822.SIZE' | 'ENVELOPE' | 'BODYSTRUCTURE' | 'BODY' | 'MODSEQ'
    }
  | { readonly item: 'EMAILID' | 'THREADID' | 'SAVEDATE' | 'PREVIEW' }
  | {
      readonly item: 'SECTION'
      /** As it is answered: `BODY[HEADER]`, `RFC822.TEXT`. */
      readonly label: string
      readonly section: Section
      readonly partial: Partial | undefined
      /** Not PEEK: \Seen is set. */
      readonly setsSeen: boolean
    }
  | {
      readonly item: 'BINARY'
      readonly label: string
      readonly part: readonly number[]
      readonly partial: Partial | undefined
      readonly setsSeen: boolean
      /** BINARY.SIZE: only how many octets there are. */
      readonly sizeOnly: boolean
    }

export interface FetchCommand {
  readonly items: readonly FetchItem[]
  readonly changedSince: bigint | undefined
  /** VANISHED: what left the mailbox since is told too (RFC 7162 §3.2.6). */
  readonly vanished: boolean
  /** PARTIAL: which of the messages named (RFC 9394 §3.3). */
  readonly partial: PartialRange | undefined
}

/** Items fetched of each new message at the most. */
export const ITEMS_OF_NEWS_LIMIT = 100

const MACROS: Readonly<Record<string, readonly FetchItem['item'][]>> = {
  ALL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE'],
  FAST: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE'],
  FULL: ['FLAGS', 'INTERNALDATE', 'RFC822.SIZE', 'ENVELOPE', 'BODY'],
}

const WHOLE: Section = { part: [], text: undefined, fields: [] }

export function takeFetch(cursor: Cursor): FetchCommand {
  let items: FetchItem[]
  if (cursor.peek() === '(') items = cursor.takeList(() => takeItem(cursor))
  else {
    const macro = Object.keys(MACROS).find(
      (name) =>
        cursor.rest
          .toString('latin1', 0, name.length + 1)
          .toUpperCase()
          .trimEnd() === name,
    )
    if (macro === undefined) items = [takeItem(cursor)]
    else {
      cursor.skip(macro)
      items = (MACROS[macro] ?? []).map((item) => ({ item }) as FetchItem) // plain items only
    }
  }
  return { items, ...takeModifiers(cursor) }
}

/** `"(" fetch-att *(SP fetch-att) ")"`, without macros: what is fetched of new messages. RFC 5465 §8. */
export function takeFetchItems(cursor: Cursor): FetchItem[] {
  const items = cursor.takeList(() => takeItem(cursor))
  if (items.length === 0) throw cursor.bad('Expected a fetch item')
  if (items.length > ITEMS_OF_NEWS_LIMIT) throw cursor.bad('Too many fetch items')
  return items
}

/** RFC 4466 §2.4 `fetch-modifiers`; RFC 7162 §7: VANISHED only beside CHANGEDSINCE. RFC 9394 §3.3 (PARTIAL). */
function takeModifiers(cursor: Cursor): Omit<FetchCommand, 'items'> {
  let partial: PartialRange | undefined
  let changedSince: bigint | undefined
  let vanished = false
  if (cursor.skip(' (')) {
    do {
      if (cursor.skip('VANISHED')) vanished = true
      else if (cursor.skip('PARTIAL ')) partial = takePartialRange(cursor)
      else {
        cursor.take('CHANGEDSINCE ')
        changedSince = BigInt(cursor.takeNumber64())
      }
    } while (cursor.skipSpace())
    cursor.take(')')
  }
  if (vanished && changedSince === undefined) throw cursor.bad('VANISHED needs CHANGEDSINCE')
  return { changedSince, vanished, partial }
}

function takeItem(cursor: Cursor): FetchItem {
  const word = cursor.takeFetchName()
  switch (word) {
    case 'FLAGS':
    case 'UID':
    case 'INTERNALDATE':
    case 'RFC822.SIZE':
    case 'ENVELOPE':
    case 'BODYSTRUCTURE':
    case 'MODSEQ':
    case 'EMAILID':
    case 'THREADID':
    case 'SAVEDATE':
      return { item: word }
    case 'PREVIEW':
      takePreviewModifiers(cursor)
      return { item: word }
    case 'BODY':
      return cursor.peek() === '[' ? takeSection(cursor, true) : { item: 'BODY' }
    case 'BODY.PEEK':
      return takeSection(cursor, false)
    case 'BINARY':
    case 'BINARY.PEEK':
    case 'BINARY.SIZE':
      return takeBinary(cursor, word)
    case 'RFC822':
      return { item: 'SECTION', label: word, section: WHOLE, partial: undefined, setsSeen: true }
    case 'RFC822.HEADER':
      return {
        item: 'SECTION',
        label: word,
        section: { ...WHOLE, text: 'HEADER' },
        partial: undefined,
        setsSeen: false,
      }
    case 'RFC822.TEXT':
      return { item: 'SECTION', label: word, section: { ...WHOLE, text: 'TEXT' }, partial: undefined, setsSeen: true }
    default:
      throw cursor.bad(`Unknown fetch item ${word}`)
  }
}

/** `[1.2.HEADER.FIELDS (a b)]<0.100>` */
function takeSection(cursor: Cursor, setsSeen: boolean): FetchItem {
  cursor.take('[')
  const part = takePart(cursor)
  let text: Section['text']
  let fields: string[] = []
  if (cursor.peek() !== ']') {
    if (part.length > 0) cursor.take('.')
    const word = cursor.takeFetchName()
    if (
      word !== 'HEADER' &&
      word !== 'HEADER.FIELDS' &&
      word !== 'HEADER.FIELDS.NOT' &&
      word !== 'TEXT' &&
      word !== 'MIME'
    ) {
      throw cursor.bad(`Unknown section ${word}`)
    }
    if (word === 'MIME' && part.length === 0) throw cursor.bad('MIME needs a part')
    text = word
    if (word.startsWith('HEADER.FIELDS')) {
      cursor.takeSpace()
      fields = cursor.takeList(() => cursor.takeAString())
      if (fields.length === 0) throw cursor.bad('Expected field names')
      // RFC 5322 §2.2: they are repeated in the answer, and must not make lines of their own there.
      if (!fields.every((name) => /^[!-9;-~]+$/.test(name))) throw cursor.bad('Not a field name')
    }
  }
  cursor.take(']')
  const partial = takePartial(cursor)
  return {
    item: 'SECTION',
    label: `BODY[${printSection({ part, text, fields })}]${printPartial(partial)}`,
    section: { part, text, fields },
    partial,
    setsSeen,
  }
}

/** RFC 8970 §6. LAZY changes nothing here: a preview is made at once, whatever the message. */
function takePreviewModifiers(cursor: Cursor): void {
  if (!cursor.skip(' (')) return
  do cursor.take('LAZY')
  while (cursor.skipSpace())
  cursor.take(')')
}

function takeBinary(cursor: Cursor, word: string): FetchItem {
  cursor.take('[')
  const part = takePart(cursor)
  cursor.take(']')
  const sizeOnly = word === 'BINARY.SIZE'
  const partial = sizeOnly ? undefined : takePartial(cursor)
  const label = `${sizeOnly ? word : 'BINARY'}[${part.join('.')}]${printPartial(partial)}`
  return { item: 'BINARY', label, part, partial, setsSeen: word === 'BINARY', sizeOnly }
}

/** `1.2.3`; the dot before a word is left standing. */
function takePart(cursor: Cursor): number[] {
  const part: number[] = []
  while (/[0-9]/.test(cursor.peek())) {
    part.push(cursor.takeNzNumber())
    if (part.length > 100) throw cursor.bad('The part number is too long')
    if (!/^\.[0-9]/.test(cursor.rest.toString('latin1', 0, 2))) break
    cursor.take('.')
  }
  return part
}

function takePartial(cursor: Cursor): Partial | undefined {
  if (!cursor.skip('<')) return undefined
  const from = cursor.takeNumber64()
  cursor.take('.')
  const length = cursor.takeNumber64()
  cursor.take('>')
  if (length === 0) throw cursor.bad('Expected nz-number')
  return { from, length }
}

function printSection({ part, text, fields }: Section): string {
  const names = fields.length > 0 ? ` (${fields.map((name) => printAString(name).toString('latin1')).join(' ')})` : ''
  return [part.join('.'), text === undefined ? '' : text + names].filter((word) => word !== '').join('.')
}

/** The answer names the origin only. */
function printPartial(partial: Partial | undefined): string {
  return partial === undefined ? '' : `<${partial.from}>`
}
