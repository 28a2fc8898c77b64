/**
 * APPEND and REPLACE. RFC 9051 §6.3.12, RFC 3502 (MULTIAPPEND), RFC 4469 (CATENATE), RFC 8508 (REPLACE), RFC 6855 (UTF8),
 * RFC 3516 (literal8).
 * A message is a literal that is passed on as it comes, never held; nothing is stored before the command's end has come.
 */
import { type Cursor, ImapError, printSet, type Rights, takeDateTime } from '../../../formats/imap/mod.ts'
import { withoutNul } from '../../../formats/message/mod.ts'
import type { Appending, AppendOptions, Deposited, Replaced } from '../../../mail/store/mod.ts'
import type { CommandRest } from '../command-rest.ts'
import { refusal } from '../errors.ts'
import { allowed, flagRight, type Place, refuseWithout, takeMailbox } from '../places.ts'
import type { Session } from '../session.ts'
import { catenated } from './catenate.ts'
import { expunged, refuseReadOnly } from './close.ts'
import { saveLimit } from './message-limit.ts'

/** Messages of one APPEND at the most. */
const MESSAGES_LIMIT = 1000
/** A message in a literal8 is looked at whole. */
const BINARY_LIMIT = 64 * 1024 * 1024

export async function append(session: Session, cursor: Cursor, rest: CommandRest): Promise<string> {
  cursor.takeSpace()
  const mailbox = takeMailbox(cursor)
  const code = await appendAll(session, rest, { mailbox, limit: saveLimit(session) || MESSAGES_LIMIT })
  return `${code}Append completed`
}

export const replace = (session: Session, cursor: Cursor, rest: CommandRest): Promise<string> =>
  runReplace(session, cursor, rest, false)
export const uidReplace = (session: Session, cursor: Cursor, rest: CommandRest): Promise<string> =>
  runReplace(session, cursor, rest, true)

async function runReplace(session: Session, cursor: Cursor, rest: CommandRest, byUid: boolean): Promise<string> {
  cursor.takeSpace()
  const seq = takeReplaced(session, cursor, byUid)
  cursor.takeSpace()
  const mailbox = takeMailbox(cursor)
  refuseWithout(session.rights, 'te') // RFC 8508 §4.1
  refuseReadOnly(session)
  if (seq === 0) throw new ImapError('NO', 'No message has that UID', { code: 'NONEXISTENT' })
  const { mailbox: selected } = session
  const replaces = {
    account: selected.account,
    mailbox: selected.mailbox,
    uid: selected.uidAt(seq),
    sizeOctets: selected.sizeAt(seq),
  }
  const code = await appendAll(session, rest, { mailbox, limit: 1, replaces })
  // RFC 8508 §4.3: before the EXPUNGE, which the dispatcher tells.
  session.output.line(`* OK ${code}Replacement message ready`)
  return expunged(session, 'Replace completed')
}

/** Its number; 0 for a UID that no message has. */
function takeReplaced({ mailbox }: Session, cursor: Cursor, byUid: boolean): number {
  const number = cursor.skip('*') ? undefined : cursor.takeNzNumber()
  if (byUid && number !== undefined) return mailbox.seqOf(number)
  const seq = number ?? mailbox.count
  if (seq < 1 || seq > mailbox.count) throw new ImapError('BAD', 'No message has that number')
  return seq
}

/** RFC 9051 §6.3.12: it tells of the mailbox, and so is for those alone who may select it. */
function appendUid({ rights }: { readonly rights: Rights }, made: readonly Deposited[]): string {
  if (!rights.includes('r')) return ''
  return `[APPENDUID ${made[0]?.uidValidity ?? 0} ${printSet(made.map(({ uid }) => uid))}] `
}

interface Wanted {
  readonly mailbox: string
  readonly limit: number
  readonly replaces?: Replaced
}

/** All of them, or none. @returns the response code, or nothing */
async function appendAll(session: Session, rest: CommandRest, { mailbox, limit, replaces }: Wanted): Promise<string> {
  let appending: Appending | undefined
  let target = { shown: mailbox, rights: '' }
  try {
    let messages = 0
    do {
      if (++messages > limit) throw tooMany(session, limit, replaces !== undefined)
      rest.cursor.takeSpace()
      const options = takeOptions(rest.cursor)
      if (appending === undefined) {
        const place = (target = allowed(session, mailbox, 'i', 'TRYCREATE'))
        appending = begin(session, place, replaces)
      }
      // RFC 4314 §4: flags without a right for them are left out.
      const flags = options.flags.filter((flag) => target.rights.includes(flagRight(flag)))
      await takeMessage(session, rest, appending, { ...options, flags })
    } while (!rest.cursor.done)
    rest.takeEnd()
    if (appending === undefined) throw rest.cursor.bad('Expected a message')
    const made = await appending.commit()
    if ('refused' in made) throw refusal(made)
    session.news.added(
      target.shown,
      made.map(({ uid }) => uid),
    )
    return appendUid(target, made)
  } finally {
    appending?.discard()
  }
}

function tooMany(session: Session, limit: number, isReplace: boolean): ImapError {
  if (isReplace) return new ImapError('BAD', 'One message replaces one')
  const code = saveLimit(session) > 0 ? `MESSAGELIMIT ${limit}` : 'LIMIT'
  return new ImapError('NO', 'Too many messages', { code })
}

/** RFC 9051 §6.3.12: TRYCREATE for a mailbox that is not there. */
function begin({ deps, owner }: Session, { account, name }: Place, replaces: Replaced | undefined): Appending {
  const appending = deps.store.beginAppend(account, name, { who: owner, ...(replaces !== undefined && { replaces }) })
  if ('refused' in appending) throw refusal(appending)
  return appending
}

/** `[flag-list SP] [date-time SP]`. */
function takeOptions(cursor: Cursor): Omit<AppendOptions, 'sizeOctets'> {
  const hasFlags = cursor.peek() === '('
  const flags = hasFlags ? cursor.takeList(() => cursor.takeFlag()) : []
  if (hasFlags) cursor.takeSpace()
  const internalDateMs = cursor.peek() === '"' ? takeDateTime(cursor) : undefined
  if (internalDateMs !== undefined) cursor.takeSpace()
  return { flags: flags.filter((flag) => flag.toLowerCase() !== '\\recent'), internalDateMs }
}

async function takeMessage(
  session: Session,
  rest: CommandRest,
  appending: Appending,
  options: Omit<AppendOptions, 'sizeOctets'>,
): Promise<void> {
  if (rest.cursor.skip('CATENATE (')) {
    await take(appending, catenated(session, rest), { ...options, sizeOctets: 0 })
    return
  }
  const utf8 = rest.cursor.skip('UTF8 (')
  const { literal } = rest
  if (literal === undefined) throw rest.cursor.bad('Expected a literal')
  refuseEarly(session, appending, literal.length)
  const content = literal.isBinary ? withoutNulOf(rest.octets(), literal.length) : rest.octets()
  await take(appending, content, { ...options, sizeOctets: literal.length })
  if (utf8) rest.cursor.take(')')
}

/** RFC 3516 §4.4, §6: BODY[] carries no NUL, so parts with such are kept in base64; BINARY[] gives their octets. */
async function* withoutNulOf(octets: AsyncIterable<Buffer>, length: number): AsyncGenerator<Buffer> {
  if (length > BINARY_LIMIT) throw new ImapError('NO', 'A literal8 is smaller than this', { code: 'TOOBIG' })
  const message = withoutNul(Buffer.concat(await Array.fromAsync(octets)))
  if (message === undefined) throw new ImapError('NO', 'NUL stands outside of the parts', { code: 'UNKNOWN-CTE' })
  yield message
}

/** Before the client has sent a single octet. RFC 3502: an empty message cancels the command. */
function refuseEarly(session: Session, appending: Appending, octets: number): void {
  const limit = session.deps.cf.imapd_append_limit
  if (octets === 0) throw new ImapError('NO', 'A message has at least one octet')
  if (limit > 0 && octets > limit) throw new ImapError('NO', 'Message is too large', { code: 'TOOBIG' })
  if (!appending.hasRoom(octets)) throw new ImapError('NO', 'Quota exceeded', { code: 'OVERQUOTA' })
}

async function take(appending: Appending, content: AsyncIterable<Buffer>, options: AppendOptions): Promise<void> {
  const refused = await appending.take(content, options)
  if (refused !== undefined) throw refusal(refused)
}
