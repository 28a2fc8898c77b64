/** LIST (extended) and LSUB. RFC 9051 §6.3.9, RFC 3501 §6.3.9, RFC 5258, RFC 5819, RFC 6154. */
import {
  type Cursor,
  decodeMailbox,
  ImapError,
  listMatcher,
  PATTERN_LETTERS_LIMIT,
  takeEntries,
} from '../../../formats/imap/mod.ts'
import { type Listed, listedMailboxes, namesAbove, superiors } from '../listed.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'
import { uwPattern } from '../uw-prefix.ts'
import { myRightsLine } from './acl.ts'
import { DEPTH_0, mayAnnotate, metadataOf, putMetadata } from './metadata.ts'
import { statusLine, takeStatusItems } from './status.ts'

interface Options {
  readonly subscribed: boolean
  readonly recursive: boolean
  /** Some pattern has a `%`. */
  readonly above: boolean
  readonly specialUse: boolean
  readonly returnSubscribed: boolean
  readonly status: readonly string[] | undefined
  /** Entries (RFC 9590). */
  readonly metadata: readonly string[] | undefined
  /** RFC 8440. */
  readonly myRights: boolean
}

/** Patterns of one LIST at the most. */
const PATTERN_LIMIT = 100

/** Other clients have their turn after so much time. */
const TURN_MS = 4

export async function list(session: Session, cursor: Cursor): Promise<void> {
  cursor.takeSpace()
  const selection = cursor.peek() === '(' ? cursor.takeList(() => cursor.takeAtom().toUpperCase()) : undefined
  for (const word of selection ?? []) {
    if (!['SUBSCRIBED', 'REMOTE', 'RECURSIVEMATCH', 'SPECIAL-USE'].includes(word))
      throw cursor.bad(`Unknown selection option ${word}`)
  }
  if (selection !== undefined) cursor.takeSpace()
  const reference = decodeMailbox(cursor.takeAString())
  cursor.takeSpace()
  const several = cursor.peek() === '('
  const patterns = several ? cursor.takeList(() => cursor.takeListMailbox()) : [cursor.takeListMailbox()]
  if (patterns.length > PATTERN_LIMIT) throw cursor.bad('Too many patterns')
  const returns = takeReturn(session, cursor)
  cursor.takeEnd()
  if (patterns.length === 1 && patterns[0] === '' && selection === undefined) {
    session.output.line('* LIST (\\Noselect) "/" ""') // RFC 9051 §6.3.9: what the delimiter is
    return
  }
  const options: Options = {
    subscribed: selection?.includes('SUBSCRIBED') ?? false,
    recursive: selection?.includes('RECURSIVEMATCH') ?? false,
    specialUse: selection?.includes('SPECIAL-USE') ?? false,
    above: patterns.some((pattern) => pattern.includes('%')),
    ...returns,
  }
  if (options.recursive && !options.subscribed) throw cursor.bad('RECURSIVEMATCH needs SUBSCRIBED')
  const matches = matcherOf(
    session,
    patterns.map((pattern) => reference + decodeMailbox(pattern)),
  )
  await listMatching(session, matches, options)
}

function takeReturn(
  session: Session,
  cursor: Cursor,
): Pick<Options, 'returnSubscribed' | 'status' | 'metadata' | 'myRights'> {
  let status: string[] | undefined
  let metadata: string[] | undefined
  let returnSubscribed = false
  let rights = false
  if (cursor.skip(' RETURN ')) {
    cursor.takeList(() => {
      const word = cursor.takeAtom().toUpperCase()
      if (word === 'STATUS') {
        cursor.takeSpace()
        status = takeStatusItems(session, cursor)
      } else if (word === 'METADATA') {
        cursor.takeSpace()
        metadata = takeEntries(cursor)
      } else if (word === 'SUBSCRIBED') returnSubscribed = true
      else if (word === 'MYRIGHTS') rights = true
      else if (word !== 'CHILDREN' && word !== 'SPECIAL-USE') throw cursor.bad(`Unknown return option ${word}`)
    })
  }
  return { returnSubscribed, status, metadata, myRights: rights }
}

type Matches = (name: string) => boolean

/** Of any of the patterns. */
function matcherOf(session: Session, patterns: readonly string[]): Matches {
  if (patterns.reduce((letters, { length }) => letters + length, 0) > PATTERN_LETTERS_LIMIT)
    throw new ImapError('NO', 'The patterns are too long', { code: 'LIMIT' })
  const matchers = patterns.map((said): Matches => {
    const { pattern, inbox } = uwPattern(session, said)
    const matches = listMatcher(pattern)
    return inbox ? matches : (name) => name !== 'INBOX' && matches(name)
  })
  return (name) => matchers.some((matches) => matches(name))
}

/** Of these names, those that match. Other clients have their turn meanwhile. */
async function matching(session: Session, names: Iterable<string>, matches: Matches): Promise<ReadonlySet<string>> {
  const { clock } = session.deps
  const found = new Set<string>()
  let since = clock.monotonic()
  for (const name of names) {
    if (matches(name)) found.add(name)
    if (clock.monotonic() - since < TURN_MS) continue
    await new Promise(setImmediate)
    since = clock.monotonic()
  }
  return found
}

async function listMatching(session: Session, matches: Matches, options: Options): Promise<void> {
  const { store } = session.deps
  const { output } = session
  const existing = listedMailboxes(session)
  const subscribed = new Set(store.subscriptions(session.owner))
  // RFC 9051 §6.3.9: a `%` shows the levels above too, whether there is a mailbox or not.
  const above = options.above && !options.subscribed ? namesAbove(session, existing) : []
  const named = await matching(session, options.subscribed ? subscribed : [...existing.keys(), ...above], matches)
  const parents = options.recursive ? superiors([...subscribed].filter((name) => !named.has(name))) : []
  const childInfo = await matching(session, parents, matches)
  for (const name of new Set([...named, ...childInfo].toSorted(byName))) {
    const info = existing.get(name)
    if (options.specialUse && info?.specialUse === undefined) continue
    const said = options.subscribed || options.returnSubscribed
    const extra = childInfo.has(name) ? ' ("CHILDINFO" ("SUBSCRIBED"))' : ''
    output.line(listLine(session, name, attributes(info, said && subscribed.has(name), above.includes(name)), extra))
    const status =
      options.status !== undefined && info?.readable === true ? statusLine(session, info, options.status) : undefined
    if (status !== undefined) output.line(status)
    if (options.myRights && info !== undefined && named.has(name)) output.line(myRightsLine(session, name, info.rights))
    const noted =
      options.metadata && info && mayAnnotate(info.rights)
        ? metadataOf(session, info, options.metadata, DEPTH_0, info)
        : undefined
    if (noted !== undefined) putMetadata(session, name, noted)
    if (output.full) await output.flush()
  }
}

function listLine(session: Session, name: string, words: readonly string[], extra: string): string {
  return `* LIST (${words.join(' ')}) "/" ${printName(session, name)}${extra}`
}

/** Of names that are told by themselves, some with their old name: as they are now, whether there or not (RFC 5465 §5.4, §5.5). */
export function listLines(session: Session, names: ReadonlyMap<string, string | undefined>): string[] {
  if (names.size === 0) return []
  const existing = listedMailboxes(session)
  const subscribed = new Set(session.deps.store.subscriptions(session.owner))
  const above = superiors(existing.keys())
  return [...names].map(([name, oldName]) => {
    const extra = oldName === undefined ? '' : ` ("OLDNAME" (${printName(session, oldName)}))`
    return listLine(session, name, attributes(existing.get(name), subscribed.has(name), above.has(name)), extra)
  })
}

/** INBOX first. */
function byName(a: string, b: string): number {
  if (a === 'INBOX' || b === 'INBOX') return a === b ? 0 : a === 'INBOX' ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

/** @param above it only stands above mailboxes of others */
function attributes(info: Listed | undefined, subscribed: boolean, above: boolean): string[] {
  const words: string[] = []
  if (subscribed) words.push('\\Subscribed')
  // Clients of before RFC 5258 know \Noselect alone.
  if (info === undefined) return [...words, ...(above ? ['\\Noselect', '\\HasChildren'] : []), '\\NonExistent']
  if (!info.selectable) words.push('\\Noselect')
  words.push(info.hasChildren ? '\\HasChildren' : '\\HasNoChildren')
  if (info.specialUse !== undefined) words.push(info.specialUse)
  return words
}

/** RFC 3501 §6.3.9: with `%`, a parent of a subscribed name that is not subscribed itself is shown as \Noselect. */
export async function lsub(session: Session, cursor: Cursor): Promise<void> {
  cursor.takeSpace()
  const reference = decodeMailbox(cursor.takeAString())
  cursor.takeSpace()
  const pattern = reference + decodeMailbox(cursor.takeListMailbox())
  cursor.takeEnd()
  const matches = matcherOf(session, [pattern])
  const subscribed = session.deps.store.subscriptions(session.owner)
  const named = await matching(session, subscribed, matches)
  const above = pattern.includes('%') ? superiors(subscribed.filter((name) => !named.has(name))) : []
  const parents = await matching(session, above, matches)
  for (const name of [...new Set([...named, ...parents])].toSorted(byName))
    session.output.line(`* LSUB (${named.has(name) ? '' : '\\Noselect'}) "/" ${printName(session, name)}`)
}
