/** APPEND. RFC 9051 §6.3.12: the message is a literal that is passed on as it comes, never held. */
import { Cursor, decodeMailbox, ImapError, takeDateTime } from '../../../formats/imap/mod.ts'
import { Bye, type Literal, refusal, type Session } from '../session.ts'

export interface AppendHead {
  readonly mailbox: string
  readonly flags: readonly string[]
  readonly dateMs: number | undefined
  readonly literal: Literal
}

/** What is wrong with an APPEND's head is said by `runAppend`, once it is clear that it is one. */
type Head = AppendHead | { readonly wrong: unknown; readonly literal: Literal }

/**
 * The head of an APPEND whose message comes next; undefined where the command is another, or the literal is the mailbox's
 * name.
 * @param head the command so far, up to the literal's `}` and line end
 */
export function appendHead(head: Buffer, literal: Literal): Head | undefined {
  if (!/^[^ ]+ +APPEND /i.test(head.toString('latin1', 0, 300))) return undefined
  const end = head.lastIndexOf('{')
  const cursor = new Cursor(head.subarray(0, head[end - 1] === 0x7e ? end - 1 : end))
  try {
    cursor.takeTag()
    cursor.takeSpace()
    cursor.take('APPEND')
    cursor.takeSpace()
    if (cursor.done) return undefined
    const mailbox = decodeMailbox(cursor.takeAString())
    cursor.takeSpace()
    const flags = cursor.peek() === '(' ? cursor.takeList(() => cursor.takeFlag()) : []
    if (flags.length > 0 || !cursor.done) cursor.skipSpace()
    const dateMs = cursor.peek() === '"' ? takeDateTime(cursor) : undefined
    if (dateMs !== undefined) cursor.takeSpace()
    cursor.skip('UTF8 (')
    cursor.takeEnd()
    return { mailbox, flags: flags.filter((flag) => flag.toLowerCase() !== '\\recent'), dateMs, literal }
  } catch (wrong) {
    return { wrong, literal }
  }
}

export async function runAppend(session: Session, head: Head): Promise<string> {
  try {
    if ('wrong' in head) throw head.wrong
    const refused = refuseEarly(session, head)
    if (refused !== undefined) throw refused
  } catch (error) {
    if (!head.literal.synchronising) await swallow(session, head.literal.length)
    throw error
  }
  if (head.literal.synchronising) await session.goAhead('Ready for the message')
  const left = { octets: head.literal.length }
  const { mailbox, flags, dateMs } = head
  const options = { sizeOctets: head.literal.length, flags, ...(dateMs !== undefined && { internalDateMs: dateMs }) }
  const done = await session.deps.store.append(session.owner, mailbox, content(session, left), options)
  if ('refused' in done) {
    if (left.octets > 0) await swallow(session, left.octets)
    throw refusal(done)
  }
  return `[APPENDUID ${done.uidValidity} ${done.uid}] Append completed`
}

/** Before the client has sent a single octet. RFC 9051 §6.3.12: TRYCREATE for a mailbox that is not there. */
function refuseEarly(session: Session, { mailbox, literal }: AppendHead): ImapError | undefined {
  if (session.account === undefined) return new ImapError('BAD', 'Log in first')
  const { store, cf } = session.deps
  if (cf.imapd_append_limit > 0 && literal.length > cf.imapd_append_limit) {
    return new ImapError('NO', 'Message is too large', { code: 'TOOBIG' })
  }
  const name = /^inbox$/i.test(mailbox) ? 'INBOX' : mailbox
  if (store.status(session.account, name) === undefined)
    return new ImapError('NO', 'No such mailbox', { code: 'TRYCREATE' })
  if (!store.hasRoom(session.account, literal.length))
    return new ImapError('NO', 'Quota exceeded', { code: 'OVERQUOTA' })
  return undefined
}

/** The literal's octets, then the check that the command ends behind it: only then is anything stored. */
async function* content(session: Session, left: { octets: number }): AsyncGenerator<Buffer> {
  while (left.octets > 0) {
    const piece = await session.input.some(left.octets)
    if (piece === undefined) throw new Bye('Connection lost in a literal')
    left.octets -= piece.length
    yield piece
  }
  const rest = await session.input.line(session.deps.cf.imapd_line_limit)
  if (rest === undefined) throw new Bye('Connection lost in APPEND')
  if (!/^\)?\r?\n$/.test(rest.toString('latin1'))) throw new ImapError('BAD', 'Unexpected argument after the message')
}

/** Reads past what was refused and is coming all the same, with the rest of its line. */
async function swallow(session: Session, octets: number): Promise<void> {
  for (let left = octets; left > 0;) {
    const piece = await session.input.some(left)
    if (piece === undefined) throw new Bye('Connection lost in a literal')
    left -= piece.length
  }
  await session.input.line(session.deps.cf.imapd_line_limit)
}
