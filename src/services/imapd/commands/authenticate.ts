/** LOGIN and AUTHENTICATE. RFC 9051 §6.2.2, §6.2.3, RFC 4959 (SASL-IR). */
import { type Cursor, ImapError } from '../../../formats/imap/mod.ts'
import { decodeBase64, offersBinding, SaslUnavailable } from '../../../formats/sasl/mod.ts'
import { saslChannel } from '../../../mail/accounts/mod.ts'
import { Bye } from '../errors.ts'
import { capabilitiesOf } from '../capabilities.ts'
import type { Session } from '../session.ts'

/** A response line may be long (RFC 4616 passwords, SCRAM); RFC 9051 names no bound. */
const RESPONSE_LIMIT = 16_384

function refuseBeforeTls(session: Session): void {
  if (!session.mayLogIn) throw new ImapError('NO', 'Passwords are not taken in clear here', { code: 'PRIVACYREQUIRED' })
}

/** RFC 9051 §7.2.2: in a line of its own, for some clients bound the length of a tagged one. */
function welcome(session: Session): string {
  session.output.line(`* CAPABILITY ${capabilitiesOf(session).join(' ')}`)
  return 'Logged in'
}

export async function login(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const name = cursor.takeAString()
  cursor.takeSpace()
  const password = cursor.takeAString()
  cursor.takeEnd()
  refuseBeforeTls(session)
  try {
    const identity = await session.backend.verifyPassword(name, password)
    if (identity === undefined) throw await session.failedLogIn(name, 'LOGIN', 'authentication failure', false)
    session.loggedIn(identity, 'LOGIN')
    return welcome(session)
  } catch (error) {
    if (!(error instanceof SaslUnavailable)) throw error
    throw await session.failedLogIn(name, 'LOGIN', error.message, true)
  }
}

export async function authenticate(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeSpace()
  const name = cursor.takeAtom().toUpperCase()
  const initial = cursor.skipSpace() ? cursor.rest.toString('latin1').trim() : undefined
  refuseBeforeTls(session)
  const { deps, mechanisms } = session
  const exchange = mechanisms.includes(name)
    ? session.slowed(
        deps.startExchange(name, session.backend, {
          service: 'imap',
          hostname: deps.hostname,
          channel: saslChannel(session.connection),
          plusOffered: offersBinding(mechanisms),
        }),
      )
    : undefined
  if (exchange === undefined) throw new ImapError('NO', 'Unsupported authentication mechanism', { code: 'CANNOT' })
  let step = await exchange.step(
    initial === undefined ? undefined : initial === '=' ? Buffer.alloc(0) : base64(initial),
  )
  while (step.state === 'continue') step = await exchange.step(await respond(session, step.challenge))
  if (step.state === 'failed') throw await session.failedLogIn('', name, step.detail ?? step.reason, step.temporary)
  if (step.finalData !== undefined) await respond(session, step.finalData)
  session.loggedIn(step.identity, name)
  return welcome(session)
}

async function respond(session: Session, challenge: Buffer): Promise<Buffer> {
  await session.goAhead(challenge.toString('base64'))
  const line = await session.input.line(RESPONSE_LIMIT)
  if (line === undefined) throw new Bye('Connection closed')
  const text = line.toString('latin1').trim()
  if (text === '*') throw new ImapError('BAD', 'Authentication cancelled')
  return base64(text)
}

function base64(text: string): Buffer {
  const octets = decodeBase64(text)
  if (octets === undefined) throw new ImapError('BAD', 'Invalid base64')
  return octets
}
