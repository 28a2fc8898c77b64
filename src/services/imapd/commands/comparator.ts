/** COMPARATOR: how the session's SEARCH, SORT and THREAD compare text. RFC 5255 §4.7, RFC 4790 §3. */
import { type Comparator, type Cursor, ImapError, printAString } from '../../../formats/imap/mod.ts'
import { type Collation, COLLATIONS } from '../../../formats/message/mod.ts'
import type { Session } from '../session.ts'

/** Wishes of one command. */
const WISHES_LIMIT = 20
/** RFC 4790 §3.2. */
const WISH_LIMIT = 254
/** `collation-order`; two wildcards do not stand side by side. */
const WISH = /^[+-]?(?!.*\*\*)[a-z*][a-z0-9;=.*-]*$/i

export function comparator(session: Session, cursor: Cursor): string {
  const wishes: string[] = []
  while (!cursor.done) {
    cursor.takeSpace()
    wishes.push(takeWish(cursor))
    if (wishes.length > WISHES_LIMIT) throw cursor.bad('Too many comparators')
  }
  if (!offersComparators(session)) throw new ImapError('BAD', 'There is one way to compare here')
  const found = wishes.flatMap((wish) => matching(session, wish))
  const [first] = found
  if (first !== undefined) session.chosen = first
  else if (wishes.length > 0) throw new ImapError('NO', 'No such comparator', { code: 'BADCOMPARATOR' })
  const names = [...new Set(found.map(({ collation }) => collation.name))]
  const list = names.length > 1 ? ` (${names.map((name) => printAString(name).toString()).join(' ')})` : ''
  session.output.line(`* COMPARATOR ${printAString(nameOf(session.comparator)).toString()}${list}`)
  return 'Comparator completed'
}

/** Not where the administrator chose a comparison that no registered collation is. */
export function offersComparators(session: Session): boolean {
  return COLLATIONS.includes(session.defaultCollation)
}

function takeWish(cursor: Cursor): string {
  const wish = cursor.takeAString()
  if (wish.length > WISH_LIMIT || !WISH.test(wish)) throw cursor.bad('Not a comparator')
  return wish
}

function matching({ defaultCollation }: Session, wish: string): Comparator[] {
  const descending = wish.startsWith('-')
  const pattern = wish.replace(/^[+-]/, '').toLowerCase()
  const found = pattern === 'default' ? [defaultCollation] : COLLATIONS.filter((one) => matches(one, pattern))
  return found.map((collation) => ({ collation, descending }))
}

/** `*` is any number of characters. Each piece is looked for once, from the left. */
function matches({ name }: Collation, pattern: string): boolean {
  const [head = '', ...pieces] = pattern.split('*')
  const tail = pieces.pop()
  if (tail === undefined) return name === pattern
  if (!name.startsWith(head) || !name.endsWith(tail)) return false
  let at = head.length
  for (const piece of pieces) {
    const found = name.indexOf(piece, at)
    if (found < 0) return false
    at = found + piece.length
  }
  return at + tail.length <= name.length
}

const nameOf = ({ collation, descending }: Comparator): string => (descending ? `-${collation.name}` : collation.name)
