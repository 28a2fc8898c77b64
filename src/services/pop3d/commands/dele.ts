/** DELE, RSET, NOOP, QUIT: marks during the session, removal only at QUIT. RFC 1939 §5, §6. */
import { type Command, messageNumber, Pop3Error } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'
import { maildropOf } from './list.ts'

export function dele(session: Session, { args }: Command): void {
  const maildrop = maildropOf(session)
  maildrop.delete(maildrop.check(messageNumber(args[0])))
  session.line('+OK Marked to be deleted.')
}

export function rset(session: Session): void {
  maildropOf(session).reset()
  session.line('+OK')
}

export function noop(session: Session): void {
  session.line('+OK')
}

export async function quit(session: Session, _command: Command): Promise<void> {
  if (session.maildrop === undefined) {
    session.line('+OK Bye.')
    session.close('Logged out')
    return
  }
  try {
    session.deleted = await session.maildrop.update()
    session.line(session.deleted > 0 ? `+OK Bye, ${session.deleted} removed.` : '+OK Bye.')
  } catch (error) {
    // RFC 1939 §6: the session ends all the same, and the client learns that messages stayed.
    session.line(new Pop3Error('Some deleted messages were not removed.', 'SYS/TEMP', error).line)
  }
  session.close('Logged out')
}
