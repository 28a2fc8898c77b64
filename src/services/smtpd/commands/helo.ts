/** HELO and EHLO. RFC 5321 §4.1.1.1. The order of the lines is Postfix's. */
import { offersBinding } from '../../../formats/sasl/mod.ts'
import { type CommandLine, DISCARDABLE, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { saslChannel } from '../../../mail/accounts/mod.ts'
import { tlsLevel } from '../deps.ts'
import { tellHelo } from '../milters.ts'
import type { Session } from '../session.ts'

export async function helo(session: Session, { rest }: CommandLine): Promise<Reply> {
  if (rest === '') throw new SmtpError(501, undefined, 'Syntax: HELO hostname')
  await introduce(session, rest, false)
  return { code: 250, lines: [session.cf.myhostname] }
}

export async function ehlo(session: Session, { rest }: CommandLine): Promise<Reply> {
  if (rest === '') throw new SmtpError(501, undefined, 'Syntax: EHLO hostname')
  const refused = await introduce(session, rest, true)
  // As Sendmail does: a milter's refusal persists, and EHLO offers nothing.
  const offered = refused !== undefined && refused.code >= 500 ? ['ENHANCEDSTATUSCODES'] : await keywords(session)
  return { code: 250, lines: [session.cf.myhostname, ...offered] }
}

/** RFC 5321 §4.1.4: a second greeting ends the transaction as RSET does; a refused one changes nothing. */
export async function introduce(session: Session, name: string, esmtp: boolean): Promise<Reply | undefined> {
  const helo = neutral(name)
  const protocol = esmtp ? 'ESMTP' : 'SMTP'
  session.obey(await session.deps.policy.helo({ ...session.facts(), helo, protocol }))
  const refused = await tellHelo(session, name)
  if (session.helo !== undefined) session.milters?.abort()
  session.reset()
  session.helo = helo
  session.esmtp = esmtp
  return refused
}

/** The name goes into Received and the log: what could end a comment, a quote or a path there becomes `?`. */
export function neutral(name: string): string {
  return name.replace(/[\0-\x20\x7f<>()\\";@]/g, '?')
}

/** Whether EHLO names AUTH: not to clients of smtpd_sasl_exceptions_networks, who may log in all the same. */
async function offersAuth(session: Session): Promise<boolean> {
  return (await takesAuth(session)) && !(await session.shared.lists.saslExceptions(session.client))
}

/** May this client log in here and now? */
export async function takesAuth(session: Session): Promise<boolean> {
  const { cf, tls } = session
  if (!cf.smtpd_sasl_auth_enable || (tls === undefined && (cf.smtpd_tls_auth_only || tlsLevel(cf) === 'encrypt')))
    return false
  return (await session.deps.mechanisms(saslChannel(session.connection))).length > 0
}

async function keywords(session: Session): Promise<string[]> {
  const { cf, shared, deps, tls, client, peer, origin } = session
  const discarded = await discardedKeywords(session)
  if (discarded.size > 0 && !discarded.has('SILENT-DISCARD')) {
    session.publish({ event: 'smtpd.discarding', keywords: DISCARDABLE.filter((k) => discarded.has(k)).join(' ') })
  }
  const words: string[] = []
  const add = (keyword: string, parameters = ''): void => {
    if (!discarded.has(keyword)) words.push(parameters === '' ? keyword : `${keyword} ${parameters}`)
  }
  add('PIPELINING')
  add('SIZE', cf.message_size_limit > 0 ? String(cf.message_size_limit) : '')
  if (!cf.disable_vrfy_command) add('VRFY')
  add('ETRN')
  if (deps.tlsAvailable && tls === undefined && tlsLevel(cf) !== 'none') add('STARTTLS')
  if (!discarded.has('AUTH') && (await offersAuth(session))) {
    const names = (await announced(session)).join(' ')
    if (names !== '') add('AUTH', names)
    if (names !== '' && cf.broken_sasl_auth_clients) words.push(`AUTH=${names}`)
  }
  if (await shared.lists.verp(client)) add('XVERP')
  if (await shared.lists.xclient(peer)) add('XCLIENT', 'NAME ADDR PROTO HELO REVERSE_NAME PORT LOGIN DESTADDR DESTPORT')
  if (await shared.lists.xforward(origin)) add('XFORWARD', 'NAME ADDR PROTO HELO SOURCE PORT IDENT')
  add('ENHANCEDSTATUSCODES')
  add('8BITMIME')
  add('DSN')
  if (cf.smtputf8_enable) add('SMTPUTF8')
  add('CHUNKING')
  // RFC 4468 §3.3: URLs are trusted once it is known whose they are; §4: not without 8BITMIME.
  if (deps.urls !== undefined && !discarded.has('8BITMIME')) add('BURL', session.sasl === undefined ? '' : 'imap')
  return words
}

/** The mechanisms that EHLO names: those that smtpd_sasl_mechanism_filter lets through. */
async function announced({ deps, shared, connection }: Session): Promise<string[]> {
  const names: string[] = []
  for (const name of await deps.mechanisms(saslChannel(connection))) {
    if (deps.unfiltered?.includes(name) === true || (await shared.lists.offersMechanism(name))) names.push(name)
  }
  return names
}

/** Whether EHLO named a mechanism that binds to the channel: a client that could bind and did not was lied to then. */
export async function announcedBinding(session: Session): Promise<boolean> {
  return (await offersAuth(session)) && offersBinding(await announced(session))
}

/** Of smtpd_discard_ehlo_keyword_address_maps where it has the client, else of smtpd_discard_ehlo_keywords. */
export async function discardedKeywords(session: Session): Promise<ReadonlySet<string>> {
  const { cf, shared, client } = session
  const found = await shared.lists.discardedKeywords?.find(client.address)
  const words = found === undefined ? cf.smtpd_discard_ehlo_keywords : found.result.split(/[\s,]+/)
  return new Set(words.filter((word) => word !== '').map((word) => word.toUpperCase()))
}
