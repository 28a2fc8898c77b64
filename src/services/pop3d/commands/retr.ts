/** RETR and TOP. RFC 1939 §5, §7. Messages leave in pieces, as fast as the client takes them. */
import { type Command, DotStuffer, messageNumber } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'
import { type Shown, shown } from '../shown.ts'
import { maildropOf } from './list.ts'

const PIECE = 256 * 1024

export async function retr(session: Session, { args }: Command): Promise<void> {
  const maildrop = maildropOf(session)
  const n = maildrop.check(messageNumber(args[0]))
  const message = shown(maildrop, await maildrop.message(n), session.utf8)
  session.line(`+OK ${message.sizeOctets} octets`)
  await send(session, message, message.sizeOctets)
  session.retrieved++
  await maildrop.markSeen(n)
}

export async function top(session: Session, { args }: Command): Promise<void> {
  const maildrop = maildropOf(session)
  const n = maildrop.check(messageNumber(args[0]))
  const lines = messageNumber(args[1], 'number of lines')
  const message = shown(maildrop, await maildrop.message(n), session.utf8)
  session.line('+OK')
  await send(session, message, topEnd(message, lines))
}

/** Where the header section with its blank line and `lines` lines of the body end. */
function topEnd(message: Shown, lines: number): number {
  let inBody = false
  let left = lines
  let tail = Buffer.alloc(0)
  for (let at = 0; at < message.sizeOctets;) {
    const piece = Buffer.concat([tail, message.read(at, at + PIECE)])
    const base = at - tail.length
    at = base + piece.length
    let from = 0
    for (let lf = piece.indexOf(0x0a); lf >= 0; lf = piece.indexOf(0x0a, from)) {
      const blank = lf - from === 0 || (lf - from === 1 && piece[from] === 0x0d)
      if (inBody) left--
      else if (blank) inBody = true
      if (inBody && left <= 0) return base + lf + 1
      from = lf + 1
    }
    // A line longer than a piece is not held: only its first octet matters to what comes.
    tail = piece.length - from <= 2 ? Buffer.from(piece.subarray(from)) : Buffer.from(piece.subarray(piece.length - 2))
  }
  return message.sizeOctets
}

async function send(session: Session, message: Shown, end: number): Promise<void> {
  const stuffer = new DotStuffer()
  for (let at = 0; at < end && !session.connection.closed;) {
    const piece = message.read(at, Math.min(end, at + PIECE))
    at += piece.length
    for (const part of stuffer.push(piece)) session.put(part)
    if (at < end && !session.flush()) await session.connection.drained()
  }
  session.put(stuffer.end())
}
