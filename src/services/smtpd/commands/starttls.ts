/** STARTTLS. RFC 3207. */
import { publish } from '#src/base/mod.ts'
import { SmtpError } from '../../../formats/smtp/mod.ts'
import { tlsLevel } from '../deps.ts'
import type { SmtpdEvent } from '../events.ts'
import type { Session } from '../session.ts'

export async function starttls(session: Session, rest: string): Promise<void> {
  const { cf, tlsAvailable } = session.deps
  if (rest !== '') throw new SmtpError(501, '5.5.4', 'Syntax: STARTTLS')
  if (session.connection.tls !== undefined) throw new SmtpError(554, '5.5.1', 'Error: TLS already active')
  if (tlsLevel(cf) === 'none') throw new SmtpError(502, '5.5.1', 'Error: command not implemented')
  if (!tlsAvailable) throw new SmtpError(454, '4.7.0', 'TLS not available due to local problem')
  session.forget()
  session.reply({ code: 220, enhanced: '2.0.0', lines: ['Ready to start TLS'] })
  await session.connection.drained()
  try {
    await session.connection.startTls()
  } catch (error) {
    const { name, address } = session.client
    const text = `SSL_accept error from ${name}[${address}]: ${error instanceof Error ? error.message : 'failed'}`
    publish<SmtpdEvent>({ event: 'smtpd.warning', ...session.who, text })
    session.close()
    return
  }
  session.forget()
  session.publishTls()
}
