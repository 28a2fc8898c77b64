/** VRFY and ETRN. RFC 5321 §3.5, RFC 1985. */
import { PathError, takePath } from '../../../formats/address/mod.ts'
import { SmtpError } from '../../../formats/smtp/mod.ts'
import type { Session } from '../session.ts'

export async function vrfy(session: Session, rest: string): Promise<void> {
  const { cf, policy } = session.deps
  if (cf.disable_vrfy_command) throw new SmtpError(502, '5.5.1', 'VRFY command is disabled')
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: MAIL transaction in progress')
  const argument = rest.replace(/\s+SMTPUTF8$/i, '')
  if (argument === '')
    throw new SmtpError(501, '5.5.4', `Syntax: VRFY address${cf.smtputf8_enable ? ' [SMTPUTF8]' : ''}`)
  const address = addressOf(argument)
  session.obey(await policy.vrfy({ ...session.facts, recipient: address }))
  // 252 and not 250: whether mail gets there is not known (RFC 5321 §3.5.3).
  session.reply({ code: 252, enhanced: '2.0.0', lines: [address] })
}

function addressOf(text: string): string {
  try {
    const { address, rest } = takePath(text)
    if (address !== '' && rest === '') return address
  } catch (error) {
    if (!(error instanceof PathError)) throw error
  }
  throw new SmtpError(501, '5.1.3', 'Bad recipient address syntax')
}

export async function etrn(session: Session, rest: string): Promise<void> {
  const { cf, policy, flush } = session.deps
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, undefined, 'Error: send HELO/EHLO first')
  if (session.transaction !== undefined) throw new SmtpError(503, undefined, 'Error: MAIL transaction in progress')
  if (rest === '' || /\s/.test(rest)) throw new SmtpError(500, undefined, 'Syntax: ETRN domain')
  const domain = rest.replace(/^[@#]/, '')
  if (!/^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f.:]+\]$/.test(domain))
    throw new SmtpError(501, undefined, 'Error: invalid parameter syntax')
  session.obey(await policy.etrn(session.facts, domain))
  const outcome = await flush(domain)
  if (outcome === 'denied') throw new SmtpError(459, undefined, `<${domain}>: service unavailable`)
  if (outcome === 'failed') throw new SmtpError(458, undefined, `Unable to queue messages for ${domain}`)
  session.reply({ code: 250, lines: ['Queuing started'] })
}
