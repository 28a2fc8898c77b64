/** ESEARCH: several mailboxes in one search. RFC 7377. */
import {
  type Cursor,
  ImapError,
  type MailboxFilter,
  type SearchCommand,
  takeMailboxFilter,
  takeSearch,
} from '../../../formats/imap/mod.ts'
import type { Refusal, Selected } from '../../../mail/store/mod.ts'
import { listedMailboxes } from '../listed.ts'
import { matcherOfFilter } from '../mailbox-matching.ts'
import { placeOf, rightsAt } from '../places.ts'
import { printName } from '../printing.ts'
import type { Session } from '../session.ts'
import { highestOf, progressOf, resultData, searchLimited } from './search.ts'

export async function esearch(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const sources = takeSources(cursor)
  const command = takeSearch(cursor, session)
  cursor.takeEnd()
  const selectedOnly = sources.every(({ filter }) => filter === 'selected')
  const returns = command.returns ?? (['ALL'] as const)
  if (sources.some(({ filter }) => filter === 'selected') && session.selected === undefined)
    throw new ImapError('BAD', 'No mailbox selected')
  if (!selectedOnly && (returns.includes('SAVE') || returns.includes('UPDATE')))
    throw new ImapError('BAD', 'SAVE and UPDATE are for the selected mailbox')
  if (command.modSeq) session.condstore = true
  if (selectedOnly) {
    const correlators = correlatorsOf(session, session.mailbox)
    return searchLimited(session, { ...command, returns, word: 'SEARCH', byUid: true, correlators })
  }
  for (const name of namesOf(session, sources)) {
    if (session.signal.aborted) break
    await searchOne(session, name, { ...command, returns })
  }
  return 'Search completed'
}

/** `IN (source-mbox …) `; the selected mailbox without it. */
function takeSources(cursor: Cursor): readonly MailboxFilter[] {
  if (!cursor.skip('IN ')) return [{ filter: 'selected' }]
  const sources = cursor.takeList(() => {
    const source = takeMailboxFilter(cursor)
    if (source.filter === 'selected-delayed') throw cursor.bad('selected-delayed is not for ESEARCH')
    return source
  })
  if (sources.length === 0) throw cursor.bad('Expected a mailbox specifier')
  cursor.takeSpace()
  return sources
}

/** Each mailbox once; `''` is the selected one. */
function namesOf(session: Session, sources: readonly MailboxFilter[]): ReadonlySet<string> {
  const { store } = session.deps
  const listed = listedMailboxes(session)
  const all = [...listed.values()].filter(({ readable }) => readable)
  const subscribed = new Set(store.subscriptions(session.owner))
  const isOwn = (name: string): boolean => listed.get(name)?.account === session.owner
  const matchers = sources.map((source) => matcherOfFilter(source, () => subscribed, isOwn))
  const names = all.map(({ shown }) => shown).filter((name) => matchers.some((matches) => matches(name)))
  const selected = session.selected?.name
  return new Set(sources.some(({ filter }) => filter === 'selected') ? [selected ?? '', ...names] : names)
}

/** Says nothing of a mailbox where nothing was found (§2.1). */
async function searchOne(session: Session, name: string, command: SearchCommand): Promise<void> {
  const current = session.selected?.name === name ? session.selected : undefined
  const mailbox = current ?? (await opened(session, name))
  if (mailbox === undefined || 'refused' in mailbox) return // it went away meanwhile
  try {
    const found = await mailbox.search(command.key, progressOf(session))
    if (found.length > 0) await answer(session, mailbox, command, found)
    if (session.output.full) await session.output.flush()
  } finally {
    if (current === undefined) mailbox.close()
  }
}

async function opened(session: Session, name: string): Promise<Selected | Refusal | undefined> {
  const place = placeOf(session, name)
  if (place === undefined || rightsAt(session, place)?.includes('r') !== true) return undefined
  const options = { readOnly: true, who: session.owner, as: place.shown }
  return session.deps.store.select(place.account, place.name, options)
}

/** §2.1: so that the answers of several searches can be told apart. */
function correlatorsOf(session: Session, { name, uidValidity }: Selected): string {
  return ` MAILBOX ${printName(session, name)} UIDVALIDITY ${uidValidity}`
}

async function answer(
  session: Session,
  mailbox: Selected,
  command: SearchCommand,
  found: readonly number[],
): Promise<void> {
  const { returns = ['ALL'], partial } = command
  const scores = returns.includes('RELEVANCY') ? await mailbox.relevancy(found, command.key) : []
  const data = resultData(
    returns,
    found.map((seq) => mailbox.uidAt(seq)),
    partial,
    scores,
  )
  const line = [`* ESEARCH (TAG "${session.tag}"${correlatorsOf(session, mailbox)}) UID`, data]
  session.output.line([...line, highestOf(mailbox, command, found)].filter(Boolean).join(' '))
}
