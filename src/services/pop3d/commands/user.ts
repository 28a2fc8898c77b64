/** USER and PASS. RFC 1939 §7. A name is never refused by USER: that would tell who has a mailbox here. */
import { type Command, Pop3Error } from '../../../formats/pop3/mod.ts'
import { SaslUnavailable } from '../../../formats/sasl/mod.ts'
import type { Session } from '../session.ts'
import { enter, refuseBeforeTls } from './auth.ts'

export function user(session: Session, { rest }: Command): void {
  refuseBeforeTls(session)
  if (rest === '') throw new Pop3Error('USER needs a name.')
  session.named = rest
  session.line('+OK')
}

export async function pass(session: Session, { rest }: Command): Promise<void> {
  const { named } = session
  session.named = undefined
  if (named === undefined) throw new Pop3Error('Say USER first.')
  try {
    const identity = await session.backend.verifyPassword(named, rest)
    if (identity === undefined) throw await session.failedLogIn(named, 'PASS', 'authentication failure', false)
    await enter(session, identity, 'PASS')
  } catch (error) {
    if (!(error instanceof SaslUnavailable)) throw error
    throw await session.failedLogIn(named, 'PASS', error.message, true)
  }
}
