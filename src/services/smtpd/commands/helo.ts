/** HELO and EHLO. RFC 5321 §4.1.1.1. The order of the lines is Postfix's. */
import { SmtpError } from '../../../formats/smtp/mod.ts'
import { tlsLevel } from '../deps.ts'
import type { Session } from '../session.ts'

export async function helo(session: Session, rest: string): Promise<void> {
  if (rest === '') throw new SmtpError(501, undefined, 'Syntax: HELO hostname')
  await greet(session, rest, false)
  session.reply({ code: 250, lines: [session.deps.cf.myhostname] })
}

export async function ehlo(session: Session, rest: string): Promise<void> {
  if (rest === '') throw new SmtpError(501, undefined, 'Syntax: EHLO hostname')
  await greet(session, rest, true)
  session.reply({ code: 250, lines: [session.deps.cf.myhostname, ...(await keywords(session))] })
}

/** RFC 5321 §4.1.4: a second greeting ends the transaction as RSET does. */
async function greet(session: Session, name: string, esmtp: boolean): Promise<void> {
  session.reset()
  session.helo = name
  session.esmtp = esmtp
  session.obey(await session.deps.policy.helo(session.facts))
}

/** May this client log in here and now? */
export async function offersAuth(session: Session): Promise<boolean> {
  const { cf, saslExceptions } = session.deps
  if (!cf.smtpd_sasl_auth_enable) return false
  if (cf.smtpd_tls_auth_only && session.connection.tls === undefined) return false
  return !(await saslExceptions(session.client))
}

async function keywords(session: Session): Promise<string[]> {
  const { cf, mechanisms, tlsAvailable, verpClients } = session.deps
  const tls = session.connection.tls !== undefined
  const words = ['PIPELINING', cf.message_size_limit > 0 ? `SIZE ${cf.message_size_limit}` : 'SIZE']
  if (!cf.disable_vrfy_command) words.push('VRFY')
  words.push('ETRN')
  if (tlsAvailable && !tls && tlsLevel(cf) !== 'none') words.push('STARTTLS')
  if (await offersAuth(session)) {
    const names = mechanisms(tls).join(' ')
    if (names !== '') words.push(`AUTH ${names}`, ...(cf.broken_sasl_auth_clients ? [`AUTH=${names}`] : []))
  }
  if (await verpClients(session.client)) words.push('XVERP')
  words.push('ENHANCEDSTATUSCODES', '8BITMIME', 'DSN')
  if (cf.smtputf8_enable) words.push('SMTPUTF8')
  words.push('CHUNKING')
  return words.filter((word) => !discards(session, word.replace(/[ =].*/, '')))
}

/** smtpd_discard_ehlo_keywords. */
export function discards(session: Session, keyword: string): boolean {
  return session.deps.cf.smtpd_discard_ehlo_keywords.some((word) => word.toUpperCase() === keyword)
}
