/** GENURLAUTH, URLFETCH, RESETKEY. RFC 4467 §7, §8. */
import { publish } from '#src/base/mod.ts'
import {
  type AuthUrl,
  type Cursor,
  decodeMailbox,
  ImapError,
  parseAuthUrl,
  printString,
} from '../../../formats/imap/mod.ts'
import { Bye, refusal } from '../errors.ts'
import type { ImapdEvent } from '../events.ts'
import type { Session } from '../session.ts'
import { INTERNAL, redeem, saysUrlMech, tokenOf } from '../url-auth.ts'

/** URLs of one command at the most. */
const URLS_LIMIT = 100

export async function genUrlAuth(session: Session, cursor: Cursor): Promise<string> {
  const wanted: AuthUrl[] = []
  do {
    cursor.takeSpace()
    const text = cursor.takeAString()
    cursor.takeSpace()
    const mechanism = cursor.takeAtom()
    if (mechanism.toUpperCase() !== INTERNAL)
      throw new ImapError('NO', 'The mechanism is not known', { code: 'CANNOT' })
    const url = parseAuthUrl(text)
    if (url === undefined || url.proof !== undefined) throw new ImapError('BAD', 'Not a URL to be authorised')
    wanted.push(url)
    limitUrls(wanted.length)
  } while (cursor.peek() === ' ')
  cursor.takeEnd()
  // One after the other is checked before a key is made for any.
  for (const url of wanted) refuseForeign(session, url)
  const urls: string[] = []
  for (const url of wanted) urls.push(await authorised(session, url))
  session.output.put('* GENURLAUTH')
  for (const url of urls) {
    session.output.put(' ')
    session.output.put(printString(url))
  }
  session.output.put('\r\n')
  return 'Genurlauth completed'
}

/** §7: the URL is of an own mailbox that is there. */
function refuseForeign({ deps, owner }: Session, { message, user }: AuthUrl): void {
  const isOwn = deps.accounts.find(user)?.id === owner
  if (!isOwn || deps.store.status(owner, message.mailbox) === undefined)
    throw new ImapError('BAD', 'Not a URL of a mailbox of yours')
}

async function authorised(session: Session, { message, rump }: AuthUrl): Promise<string> {
  const { deps, owner } = session
  const key = deps.store.urlKey(owner, message.mailbox) ?? (await deps.store.makeUrlKey(owner, message.mailbox, false))
  if ('refused' in key) throw refusal(key)
  return `${rump}:internal:${tokenOf(deps.accounts, owner, key, rump)}`
}

/** NIL for each URL that gives nothing; who tries such waits, longer each time (§10). */
export async function urlFetch(session: Session, cursor: Cursor): Promise<string> {
  const urls: string[] = []
  do {
    cursor.takeSpace()
    urls.push(cursor.takeAString())
    limitUrls(urls.length)
  } while (cursor.peek() === ' ')
  cursor.takeEnd()
  const { output } = session
  let isWrong = false
  for (const url of urls) {
    const found = await redeem(session, url)
    isWrong ||= found === undefined
    output.put('* URLFETCH ')
    output.put(printString(url))
    const { flushes, octets, parts } = output
    try {
      if (found === undefined) output.put(' NIL')
      else await putPiece(session, found)
    } catch (error) {
      // As in FETCH: no answer amid a literal.
      if (!output.rollback(flushes, parts, octets))
        throw new Bye('The content of a message cannot be read', { cause: error })
      publish<ImapdEvent>({ event: 'imapd.defect', ...session.client, error })
      output.put(' NIL')
    }
    output.put('\r\n')
  }
  if (isWrong) await session.waitAfterFailure()
  return 'Urlfetch completed'
}

async function putPiece(
  { output, signal }: Session,
  { length, pieces }: NonNullable<Awaited<ReturnType<typeof redeem>>>,
) {
  output.put(` {${length}}\r\n`)
  for (const piece of pieces) {
    output.put(piece)
    if (output.full) await output.flush()
    if (signal.aborted) return
  }
}

/** Without a mailbox all keys go; with one it gets another. URLs made with what was there are worth nothing any more. */
export async function resetKey(session: Session, cursor: Cursor): Promise<string> {
  const { deps, owner, selected } = session
  if (cursor.done) {
    await deps.store.removeUrlKeys(owner)
    return 'All keys are gone'
  }
  cursor.takeSpace()
  const mailbox = decodeMailbox(cursor.takeAString())
  while (cursor.skipSpace())
    if (cursor.takeAtom().toUpperCase() !== INTERNAL)
      throw new ImapError('NO', 'The mechanism is not known', { code: 'CANNOT' })
  cursor.takeEnd()
  const key = await deps.store.makeUrlKey(owner, mailbox, true)
  if ('refused' in key) throw refusal(key)
  if (selected !== undefined) session.keyTold = deps.store.urlKeyModSeq(selected.mailbox)
  const text = 'The mailbox has another key'
  return saysUrlMech(session) ? `[URLMECH ${INTERNAL}] ${text}` : text
}

function limitUrls(count: number): void {
  if (count > URLS_LIMIT) throw new ImapError('NO', 'Too many URLs in one command', { code: 'LIMIT' })
}
