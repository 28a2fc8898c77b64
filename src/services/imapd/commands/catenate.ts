/** CATENATE: a message put together from literals and from parts of others. RFC 4469. */
import { ImapError, parseMessageUrl } from '../../../formats/imap/mod.ts'
import type { CommandRest } from '../command-rest.ts'
import { pieceOf } from '../message-url.ts'
import { type Place, placeOf, rightsAt } from '../places.ts'
import type { Session } from '../session.ts'

/** Parts of one message at the most. */
const PARTS_LIMIT = 1000

/** The octets, behind `CATENATE (` up to and with its `)`. */
export async function* catenated(session: Session, rest: CommandRest): AsyncGenerator<Buffer> {
  const limit = session.deps.cf.imapd_append_limit
  let octets = 0
  for (let parts = 1; ; parts++) {
    if (parts > PARTS_LIMIT) throw new ImapError('NO', 'Too many parts', { code: 'LIMIT' })
    for await (const piece of takePart(session, rest)) {
      octets += piece.length
      if (limit > 0 && octets > limit) throw new ImapError('NO', 'Message is too large', { code: 'TOOBIG' })
      yield piece
    }
    if (rest.cursor.skip(')')) break
    rest.cursor.takeSpace()
  }
  if (octets === 0) throw new ImapError('NO', 'A message has at least one octet')
}

async function* takePart(session: Session, rest: CommandRest): AsyncGenerator<Buffer> {
  if (rest.cursor.skip('TEXT ')) {
    if (rest.literal === undefined) throw rest.cursor.bad('Expected a literal')
    yield* rest.octets()
    return
  }
  rest.cursor.take('URL ')
  yield* octetsOf(session, await rest.takeAString())
}

async function* octetsOf(session: Session, url: string): AsyncGenerator<Buffer> {
  const parsed = parseMessageUrl(url)
  if (parsed === undefined) throw badUrl(url, 'Not the URL of a message of yours')
  const mailbox = parsed.mailbox ?? session.selected?.name
  if (mailbox === undefined) throw badUrl(url, 'No mailbox selected')
  const place = readable(session, mailbox)
  const message = { ...parsed, mailbox: place?.name ?? '' }
  const found = place && (await pieceOf(session.deps.store, place.account, message, session.owner))
  if (found === undefined) throw badUrl(url, 'No such mailbox, message or part')
  yield* found.pieces
}

function readable(session: Session, mailbox: string): Place | undefined {
  const place = placeOf(session, mailbox)
  return place !== undefined && rightsAt(session, place)?.includes('r') === true ? place : undefined
}

/** The URL is repeated as far as a response code may hold it. */
function badUrl(url: string, text: string): ImapError {
  const shown = Buffer.from(url)
    .toString('latin1')
    .replace(/[^!-Z^-~]/g, '?')
  return new ImapError('NO', text, { code: `BADURL ${shown}` })
}
