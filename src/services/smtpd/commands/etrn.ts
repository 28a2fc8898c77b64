/** ETRN. RFC 1985. */
import { isIP } from 'node:net'
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { obeyStanding } from '../milters.ts'
import type { Session } from '../session.ts'

export async function etrn(session: Session, { rest }: CommandLine): Promise<Reply> {
  const { cf, deps } = session
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, undefined, 'Error: send HELO/EHLO first')
  obeyStanding(session)
  if (session.transaction !== undefined) throw new SmtpError(503, undefined, 'Error: MAIL transaction in progress')
  if (rest === '' || /\s/.test(rest)) throw new SmtpError(500, undefined, 'Syntax: ETRN domain')
  // RFC 1985 §5.3: `@domain` means its subdomains too, `#name` a queue; like Postfix, both are taken for the domain.
  const domain = rest.replace(/^[@#]/, '')
  if (!isDomain(domain)) throw new SmtpError(501, undefined, 'Error: invalid parameter syntax')
  session.obey(await deps.policy.etrn(session.facts(), domain))
  const outcome = await deps.flush(domain)
  if (outcome === 'started') return { code: 250, lines: ['Queuing started'] }
  if (outcome === 'failed') throw new SmtpError(458, undefined, 'Unable to queue messages')
  session.warn(`reject: ETRN ${domain.slice(0, 100)}... from ${session.nameAddress}`)
  throw new SmtpError(459, undefined, `<${domain}>: service unavailable`)
}

function isDomain(text: string): boolean {
  const literal = /^\[(?:IPv6:)?([^\]]+)\]$/i.exec(text)
  if (literal !== null) return isIP(literal[1] ?? '') > 0
  const label = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/
  return text.length <= 255 && text.split('.').every((part) => label.test(part))
}
