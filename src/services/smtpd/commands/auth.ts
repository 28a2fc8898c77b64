/** AUTH. RFC 4954; the texts are Postfix's. */
import { publish } from '#src/base/mod.ts'
import { decodeBase64, type SaslIdentity, type SaslStep } from '../../../formats/sasl/mod.ts'
import { SmtpError } from '../../../formats/smtp/mod.ts'
import type { SmtpdEvent } from '../events.ts'
import type { Session } from '../session.ts'
import { offersAuth } from './helo.ts'

export async function auth(session: Session, rest: string): Promise<void> {
  const { cf, mechanisms, startExchange, backend } = session.deps
  if (session.helo === undefined) throw new SmtpError(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (!cf.smtpd_sasl_auth_enable) throw new SmtpError(503, '5.5.1', 'Error: authentication not enabled')
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: MAIL transaction in progress')
  const tls = session.connection.tls !== undefined
  if (cf.smtpd_tls_auth_only && !tls) {
    throw new SmtpError(538, '5.7.11', 'Encryption required for requested authentication mechanism')
  }
  if (!(await offersAuth(session))) throw new SmtpError(503, '5.5.1', 'Error: authentication not enabled')
  if (session.sasl !== undefined) throw new SmtpError(503, '5.5.1', 'Error: already authenticated')
  const [mechanism = '', initial, ...more] = rest.split(/\s+/)
  if (mechanism === '' || more.length > 0) throw new SmtpError(501, '5.5.4', 'Syntax: AUTH mechanism')
  const name = mechanism.toUpperCase()
  const exchange = mechanisms(tls).includes(name)
    ? startExchange(name, backend, { service: 'smtp', hostname: cf.myhostname })
    : undefined
  if (exchange === undefined) throw failed(session, name, '', { reason: 'no mechanism available', temporary: false })
  let step = await exchange.step(initial === undefined ? undefined : response(initial))
  while (step.state === 'continue') step = await exchange.step(await ask(session, name, step.challenge))
  if (step.state === 'failed') throw failed(session, name, '', step)
  if (step.finalData !== undefined) await ask(session, name, step.finalData)
  succeed(session, name, step.identity)
}

function succeed(session: Session, mechanism: string, { username }: SaslIdentity): void {
  session.sasl = { method: mechanism, username, sender: '' }
  publish<SmtpdEvent>({ event: 'smtpd.auth', ...session.who, mechanism, username })
  session.reply({ code: 235, enhanced: '2.7.0', lines: ['Authentication successful'] })
}

function failed(
  session: Session,
  mechanism: string,
  username: string,
  step: Omit<Extract<SaslStep, { state: 'failed' }>, 'state'>,
): SmtpError {
  const reason = step.detail === undefined ? step.reason : `${step.reason}: ${step.detail}`
  publish<SmtpdEvent>({ event: 'smtpd.auth_failed', ...session.who, mechanism, reason, username })
  return step.temporary
    ? new SmtpError(454, '4.7.0', `Temporary authentication failure: ${step.reason}`)
    : new SmtpError(535, '5.7.8', `Error: authentication failed: ${step.reason}`)
}

/** `=` is an empty initial response (RFC 4954 §4). What is no base64 is an empty one, as Cyrus takes it, and fails. */
function response(text: string): Buffer {
  return text === '=' ? Buffer.alloc(0) : (decodeBase64(text) ?? Buffer.alloc(0))
}

async function ask(session: Session, mechanism: string, challenge: Buffer): Promise<Buffer> {
  session.reply({ code: 334, lines: [challenge.toString('base64')] })
  const line = await session.nextLine(session.deps.cf.smtpd_sasl_response_limit)
  if (line === undefined) throw new SmtpError(421, '4.4.2', `${session.deps.cf.myhostname} Error: connection lost`)
  if (line !== '*') return response(line === '' ? '=' : line)
  publish<SmtpdEvent>({
    event: 'smtpd.auth_failed',
    ...session.who,
    mechanism,
    reason: 'authentication aborted',
    username: '',
  })
  throw new SmtpError(501, '5.7.0', 'Authentication aborted')
}
