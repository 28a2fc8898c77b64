/** APOP: a digest of the greeting's timestamp and the password. RFC 1939 §7. */
import { timingSafeEqual } from 'node:crypto'
import { type Command, Pop3Error } from '../../../formats/pop3/mod.ts'
import { SaslUnavailable } from '../../../formats/sasl/mod.ts'
import type { Session } from '../session.ts'
import { enter } from './auth.ts'

export async function apop(session: Session, { args }: Command): Promise<void> {
  const { timestamp, backend } = session
  const [name, digest] = args
  if (timestamp === undefined || backend.apop === undefined) throw new Pop3Error('APOP is not offered.')
  if (name === undefined || digest === undefined || args.length !== 2 || !/^[0-9a-f]{32}$/i.test(digest))
    throw new Pop3Error('APOP needs a name and a digest.')
  try {
    const { digest: expected, identity } = backend.apop(name, timestamp)
    const isRight = timingSafeEqual(expected, Buffer.from(digest, 'hex'))
    await session.waited()
    if (!isRight || identity === undefined)
      throw await session.failedLogIn(name, 'APOP', 'authentication failure', false)
    await enter(session, identity, 'APOP')
  } catch (error) {
    if (!(error instanceof SaslUnavailable)) throw error
    throw await session.failedLogIn(name, 'APOP', error.message, true)
  }
}
