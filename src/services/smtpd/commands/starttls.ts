/** STARTTLS. RFC 3207. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { tlsLevel } from '../deps.ts'
import { certificateRefusal, publishTls } from '../greeting.ts'
import { Departure } from '../input.ts'
import { obeyStandingAs454 } from '../milters.ts'
import type { Session } from '../session.ts'

export async function starttls(session: Session, { rest }: CommandLine): Promise<Reply | undefined> {
  const { cf, deps, input, connection } = session
  if (rest !== '') throw new SmtpError(501, '5.5.4', 'Syntax: STARTTLS')
  obeyStandingAs454(session)
  if (session.tls !== undefined) throw new SmtpError(554, '5.5.1', 'Error: TLS already active')
  if (tlsLevel(cf) === 'none') throw new SmtpError(502, '5.5.1', 'Error: command not implemented')
  if (!deps.tlsAvailable) throw new SmtpError(454, '4.7.0', 'TLS not available due to local problem')
  if (session.overRate('tls', cf.smtpd_client_new_tls_session_rate_limit))
    throw new SmtpError(454, '4.7.0', `Error: too many new TLS sessions from ${session.client.address}`)
  await session.say({ code: 220, enhanced: '2.0.0', lines: ['Ready to start TLS'] })
  await session.flush()
  await connection.drained()
  // What came in plain behind the command is not listened to, and what was learned in plain is forgotten (RFC 3207 §4.2).
  session.restart()
  input.clear()
  try {
    await connection.startTls()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    session.publish({ event: 'smtpd.info', text: `SSL_accept error from ${session.nameAddress}: ${why}` })
    session.open = false
    throw Departure.lostConnection
  }
  input.clear()
  publishTls(session)
  const refusal = certificateRefusal(session)
  if (refusal !== undefined) session.open = false
  return refusal
}
