/** CAPA. RFC 2449 §5: each capability here holds in this state and on this connection. */
import { END } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'

export function capa(session: Session): void {
  const { tlsAvailable } = session.deps
  const lines = ['TOP', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE', 'PIPELINING', 'EXPIRE NEVER', 'UTF8 USER', 'LANG']
  if (session.mayLogIn) lines.push('USER', `SASL ${session.mechanisms.join(' ')}`)
  if (tlsAvailable && session.connection.tls === undefined && session.maildrop === undefined) lines.push('STLS')
  const delay = session.deps.cf.pop3d_login_delay
  if (delay > 0) lines.push(`LOGIN-DELAY ${Math.ceil(delay / 1000)}`)
  lines.push('IMPLEMENTATION Postigo')
  session.line('+OK')
  for (const line of lines) session.line(line)
  session.put(END)
}
