/** RSET. RFC 5321 §4.1.1.5. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import type { Session } from '../session.ts'

export function rset(session: Session, { rest }: CommandLine): Reply {
  if (rest !== '') throw new SmtpError(501, '5.5.4', 'Syntax: RSET')
  session.reset()
  return { code: 250, enhanced: '2.0.0', lines: ['Ok'] }
}
