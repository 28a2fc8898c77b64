/** VRFY. RFC 5321 §3.5. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { obeyStanding } from '../milters.ts'
import { checkUtf8, pathOf } from '../paths.ts'
import type { Session } from '../session.ts'

export async function vrfy(session: Session, { rest }: CommandLine): Promise<Reply> {
  const { cf, deps } = session
  if (cf.disable_vrfy_command) throw new SmtpError(502, '5.5.1', 'VRFY command is disabled')
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, '5.5.1', 'Error: send HELO/EHLO first')
  const declared = cf.smtputf8_enable && /(?:^|\s)SMTPUTF8$/i.test(rest)
  const argument = declared ? rest.slice(0, -'SMTPUTF8'.length).trimEnd() : rest
  if (argument === '') {
    throw new SmtpError(501, '5.5.4', `Syntax: VRFY address${cf.smtputf8_enable ? ' [SMTPUTF8]' : ''}`)
  }
  obeyStanding(session)
  const { address } = pathOf(session, argument, 'VRFY', declared)
  checkUtf8(session, address, declared)
  session.obey(await deps.policy.vrfy(session.facts(address)))
  // 252 and not 250: whether mail gets there is not known (RFC 5321 §3.5.3). The address is said as it came.
  return { code: 252, enhanced: '2.0.0', lines: [argument] }
}
