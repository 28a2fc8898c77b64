/** AUTH. RFC 4954; the texts are Postfix's with Cyrus SASL. */
import {
  decodeBase64,
  propertiesOf,
  type SaslExchange,
  type SaslIdentity,
  type SaslStep,
} from '../../../formats/sasl/mod.ts'
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { saslChannel } from '../../../mail/accounts/mod.ts'
import { obeyStandingAs454 } from '../milters.ts'
import { bareNewlineError, type Session } from '../session.ts'
import { banned } from '../greeting.ts'
import { announcedBinding, takesAuth } from './helo.ts'

/** What Cyrus says of a response that is no base64, or not what the mechanism wants. */
const NOT_BASE64 = 'another step is needed in authentication'

export async function auth(session: Session, { rest }: CommandLine): Promise<Reply> {
  const { cf } = session
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (session.overRate('auth', cf.smtpd_client_auth_rate_limit))
    throw new SmtpError(450, '4.7.1', `Error: too many AUTH commands from ${session.client.address}`)
  // Departs from RFC 4954 §4, which wants EHLO first, as Postfix does.
  if (!(await takesAuth(session))) throw new SmtpError(503, '5.5.1', 'Error: authentication not enabled')
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: MAIL transaction in progress')
  obeyStandingAs454(session)
  if (session.sasl !== undefined) throw new SmtpError(503, '5.5.1', 'Error: already authenticated')
  const [mechanism = '', initial, ...more] = rest.split(/\s+/)
  if (mechanism === '' || more.length > 0) throw new SmtpError(501, '5.5.4', 'Syntax: AUTH mechanism')
  const exchange = await start(session, mechanism)
  try {
    return succeed(session, exchange.mechanism, await converse(session, exchange, mechanism, initial))
  } finally {
    exchange.close?.()
  }
}

async function start(session: Session, mechanism: string): Promise<SaslExchange> {
  const { cf, deps, tls, client, connection } = session
  const name = mechanism.toUpperCase()
  const channel = saslChannel(connection)
  if ((await deps.mechanisms(channel)).includes(name)) {
    const backend = session.visit?.watch(deps.backend) ?? deps.backend
    const exchange = deps.startExchange(name, backend, {
      service: cf.smtpd_sasl_service,
      hostname: cf.myhostname,
      channel,
      plusOffered: await announcedBinding(session),
      client: { address: client.address, localAddress: connection.local.address, secured: tls !== undefined },
    })
    if (exchange !== undefined) return session.visit?.slow(exchange) ?? exchange
  }
  const options = tls === undefined ? cf.smtpd_sasl_security_options : cf.smtpd_sasl_tls_security_options
  const tooPlain = propertiesOf(name)?.plaintext === true && options.includes('noplaintext')
  throw failed(session, mechanism, {
    reason: tooPlain ? 'encryption needed to use mechanism' : (deps.noMechanism ?? 'no mechanism available'),
    temporary: false,
  })
}

async function converse(
  session: Session,
  exchange: SaslExchange,
  mechanism: string,
  initial: string | undefined,
): Promise<SaslIdentity> {
  // `=` is an empty initial response (RFC 4954 §4).
  const first = initial === '=' ? Buffer.alloc(0) : initial && decoded(session, mechanism, initial)
  let step = await exchange.step(first === '' ? undefined : first)
  while (step.state === 'continue') step = await exchange.step(await ask(session, mechanism, step.challenge))
  if (step.state === 'failed' && !step.temporary) await refuseGuesser(session, exchange.mechanism, step.reason)
  if (step.state === 'failed')
    // Cyrus tells nobody that a password was right and only the name to act as was not theirs.
    throw failed(session, mechanism, { ...step, reason: step.reason.replace(/^authorization/, 'authentication') })
  if (step.finalData !== undefined) await ask(session, mechanism, step.finalData)
  return step.identity
}

/** Counts a wrong log-in; throws where there were too many. */
async function refuseGuesser(session: Session, mechanism: string, reason: string): Promise<void> {
  if ((await session.visit?.failed(mechanism, reason)) !== true) return
  const reply = await banned(session)
  if (reply === undefined) return
  failed(session, mechanism, { reason, temporary: false }) // the log names it all the same
  throw new SmtpError(reply.code, reply.enhanced ?? '4.7.0', reply.lines.join(' '))
}

function succeed(session: Session, mechanism: string, identity: SaslIdentity): Reply {
  const { realm = '' } = session.deps
  // As Cyrus SASL: with smtpd_sasl_local_domain, who logs in by a bare name is name@domain to all that follows.
  const username = realm === '' || identity.username.includes('@') ? identity.username : `${identity.username}@${realm}`
  session.sasl = { method: mechanism, username, sender: '' }
  session.account = identity.accountId
  session.publish({ event: 'smtpd.auth', mechanism, username })
  const goodbye = `421 4.7.0 ${session.cf.myhostname} Error: your log-in holds no longer\r\n`
  session.visit?.succeeded(identity, mechanism, () => session.connection.end(goodbye))
  return { code: 235, enhanced: '2.7.0', lines: ['Authentication successful'] }
}

function failed(
  session: Session,
  mechanism: string,
  step: Omit<Extract<SaslStep, { state: 'failed' }>, 'state'>,
): SmtpError {
  const reason = step.detail === undefined ? step.reason : `${step.reason}: ${step.detail}`
  session.publish({ event: 'smtpd.auth_failed', mechanism, reason, username: '' })
  return step.temporary
    ? new SmtpError(454, '4.7.0', `Temporary authentication failure: ${step.reason}`)
    : new SmtpError(535, '5.7.8', `Error: authentication failed: ${step.reason}`)
}

function decoded(session: Session, mechanism: string, text: string): Buffer {
  const octets = decodeBase64(text)
  if (octets === undefined) throw failed(session, mechanism, { reason: NOT_BASE64, temporary: false })
  return octets
}

/** One challenge and its response. */
async function ask(session: Session, mechanism: string, challenge: Buffer): Promise<Buffer> {
  const { cf, input } = session
  await session.say({ code: 334, lines: [challenge.toString('base64')] })
  input.begin()
  const line = await input.line(cf.smtpd_sasl_response_limit)
  if (line.bareLf && session.bareNewline === 'reject') {
    session.reject('AUTH', 'bare <LF> received')
    session.open = false
    throw bareNewlineError(session)
  }
  if (line.tooLong) throw new SmtpError(500, '5.5.6', 'SASL response limit exceeded')
  const text = line.octets.toString('latin1')
  if (text !== '*') return decoded(session, mechanism, text)
  session.publish({ event: 'smtpd.auth_failed', mechanism, reason: 'authentication aborted', username: '' })
  throw new SmtpError(501, '5.7.0', 'Authentication aborted')
}
