/** AUTH: a SASL exchange over lines. RFC 5034. */
import { type Command, END, Pop3Error } from '../../../formats/pop3/mod.ts'
import { decodeBase64, offersBinding, type SaslIdentity, type SaslStep } from '../../../formats/sasl/mod.ts'
import { saslChannel } from '../../../mail/accounts/mod.ts'
import { Maildrop } from '../maildrop.ts'
import type { Session } from '../session.ts'

export function refuseBeforeTls(session: Session): void {
  if (!session.mayLogIn) throw new Pop3Error('Say STLS first: passwords are not taken in clear here.')
}

export async function auth(session: Session, { args }: Command): Promise<void> {
  const [mechanism, initial] = args
  if (mechanism === undefined) return listMechanisms(session)
  refuseBeforeTls(session)
  const { mechanisms } = session
  const { startExchange, hostname } = session.deps
  const name = mechanism.toUpperCase()
  const exchange = mechanisms.includes(name)
    ? session.slowed(
        startExchange(name, session.backend, {
          service: 'pop',
          hostname,
          channel: saslChannel(session.connection),
          plusOffered: offersBinding(mechanisms),
        }),
      )
    : undefined
  if (exchange === undefined) throw new Pop3Error('Unsupported authentication mechanism.')
  let step = await exchange.step(
    initial === undefined ? undefined : initial === '=' ? Buffer.alloc(0) : base64(initial),
  )
  while (step.state === 'continue') step = await exchange.step(await respond(session, step.challenge))
  if (step.state === 'failed') throw await failed(session, name, step)
  if (step.finalData !== undefined) await respond(session, step.finalData)
  await enter(session, step.identity, name)
}

/** AUTH alone lists the mechanisms, as clients older than CAPA ask. */
function listMechanisms(session: Session): void {
  session.line('+OK')
  if (session.mayLogIn) for (const name of session.mechanisms) session.line(name)
  session.put(END)
}

async function respond(session: Session, challenge: Buffer): Promise<Buffer> {
  session.line(`+ ${challenge.toString('base64')}`)
  const line = await session.nextLine()
  if (line === undefined) throw new Pop3Error('Connection closed.')
  if (line.length === 1 && line[0] === 0x2a) throw new Pop3Error('Authentication cancelled.')
  return base64(line.toString('latin1'))
}

function base64(text: string): Buffer {
  const octets = decodeBase64(text)
  if (octets === undefined) throw new Pop3Error('Invalid base64.')
  return octets
}

async function failed(
  session: Session,
  method: string,
  step: Extract<SaslStep, { state: 'failed' }>,
): Promise<Pop3Error> {
  return session.failedLogIn('', method, step.detail ?? step.reason, step.temporary)
}

/** Opens the maildrop of whom the exchange proved. */
export async function enter(session: Session, identity: SaslIdentity, method: string): Promise<void> {
  if (identity.accountId === undefined) {
    throw new Pop3Error(`${identity.username} may send mail here, and has no mailbox.`, 'SYS/PERM')
  }
  const { store, cf } = session.deps
  const release = cf.pop3d_lock_maildrop ? await session.visits.lock(identity.accountId) : (): void => {}
  if (release === undefined) throw new Pop3Error('Another session has this maildrop.', 'IN-USE')
  let maildrop: Maildrop
  try {
    if (!session.visits.mayEnter(identity.accountId, cf.pop3d_login_delay))
      throw new Pop3Error('Log in less often.', 'LOGIN-DELAY')
    maildrop = await Maildrop.open(store, identity.accountId, release)
  } catch (error) {
    release()
    throw error
  }
  session.loggedIn(identity, method, maildrop)
  session.line('+OK Logged in.')
}
