/**
 * Milters in a session: told each step, and heeded. Each function is asked only where the listener has milters; what it
 * throws is the reply. Postfix: smtpd.c, check_milter_reply.
 */
import { printReply, type Reply, SmtpError } from '../../formats/smtp/mod.ts'
import type { Effect, FilterVerdict } from '../../mail/intake/mod.ts'
import type { MacroFacts, Verdict } from '../../mail/policy/mod.ts'
import { errorSaying, type Session } from './session.ts'

/** A new connection, or a new client by XCLIENT: connects to its milters. Answers a greeting that takes 220's place. */
export async function greetMilters(session: Session): Promise<Reply | undefined> {
  const { deps, client, cf } = session
  if (deps.milters === undefined) return undefined
  session.milters = await deps.milters(client, () => macroFacts(session))
  const reply = heeded(session, await session.milters?.connect(client))
  if (reply === undefined) return undefined
  if (reply.code === 421) {
    session.open = false
    return { code: 421, lines: [`${cf.myhostname} Service unavailable - try again later`] }
  }
  if (reply.code < 500) return undefined // said to each command that follows
  session.errors++
  return { code: 554, lines: [`${cf.myhostname} ESMTP not accepting connections`] }
}

/** Answers the refusal that EHLO does not say, but lets be seen; 421 it says. */
export async function tellHelo(session: Session, name: string): Promise<Reply | undefined> {
  if (session.milters === undefined || isDiscarded(session)) return undefined
  const { helo } = session
  const verdict = await session.milters.helo(name)
  session.helo = name // for the log's line alone
  const reply = heeded(session, verdict)
  session.helo = helo
  if (reply?.code === 421) throw errorSaying(reply)
  return reply
}

/** @param words the path as it came, and parameters */
export async function tellMail(session: Session, words: readonly string[]): Promise<void> {
  if (session.milters === undefined || isDiscarded(session)) return
  session.milterMessage = true
  obey(session, await session.milters.mail(words))
}

/** What the restrictions said comes first: of a refusal only milters that want to know are told, and change nothing. */
export async function tellRcpt(
  session: Session,
  words: readonly string[],
  recipient: string,
  { reply: refused, effects }: Verdict,
): Promise<void> {
  if (session.milters === undefined || isDiscarded(session, effects)) return
  session.milterRecipient = { address: recipient, ...(refused !== undefined && { refusal: textOf(refused) }) }
  const verdict = await session.milters.rcpt(words, refused !== undefined)
  session.milterRecipient = undefined
  if (refused === undefined) obey(session, verdict, recipient)
}

export async function tellData(session: Session): Promise<void> {
  if (session.milters === undefined || isDiscarded(session)) return
  obey(session, await session.milters.data(), session.transaction?.recipients[0]?.address)
}

/** A command that is none. */
export async function tellUnknown(session: Session, verb: string): Promise<void> {
  if (session.milters !== undefined) obey(session, await session.milters.unknown(verb))
}

/** VRFY and ETRN: what holds for the whole session. */
export function obeyStanding(session: Session): void {
  const standing = session.milters?.standing
  if (standing?.action === 'reject') throw errorSaying(standing.reply)
}

/** AUTH and STARTTLS: as Sendmail does, 4xx becomes 454. */
export function obeyStandingAs454(session: Session): void {
  const standing = session.milters?.standing
  if (standing?.action !== 'reject') return
  if (standing.reply.code >= 500) throw errorSaying(standing.reply)
  throw new SmtpError(454, '4.3.0', 'Try again later')
}

/** Discarded mail is of no interest to anybody any more. */
function isDiscarded({ transaction }: Session, more: readonly Effect[] = []): boolean {
  return [...(transaction?.effects ?? []), ...more].some((effect) => effect.action === 'discard')
}

function obey(session: Session, verdict: FilterVerdict | undefined, recipient?: string): void {
  const reply = heeded(session, verdict, recipient)
  if (reply !== undefined) throw errorSaying(reply)
  if (verdict?.action === 'hold' || verdict?.action === 'discard')
    session.transaction?.effects.push({ action: verdict.action })
}

/** Tells the log; answers the reply of a refusal. */
function heeded(session: Session, verdict: FilterVerdict | undefined, recipient?: string): Reply | undefined {
  if (verdict === undefined) return undefined
  const reply = verdict.action === 'reject' ? verdict.reply : undefined
  session.publishOf({
    event: 'smtpd.milter',
    action: verdict.action,
    where: session.where,
    queueId: session.transaction?.queueId,
    text: reply === undefined ? `milter triggers ${verdict.action.toUpperCase()} action` : textOf(reply),
    recipient,
  })
  return reply
}

const textOf = (reply: Reply): string => printReply(reply).trimEnd()

/** What a macro may say now. At the end of a message the envelope is not told again, as in Postfix's cleanup. */
function macroFacts(session: Session): MacroFacts {
  const { client, connection, tls, sasl, transaction, milterRecipient, where } = session
  const shown = where !== 'END-OF-MESSAGE'
  const sender = shown ? transaction?.sender : undefined
  const recipient = milterRecipient?.address ?? transaction?.recipients[0]?.address
  const queueId = transaction?.queueId
  const refused = milterRecipient?.refusal
  const [certificate] = tls?.peerVerified === true ? tls.peerChain : []
  return {
    client,
    connections: session.connections,
    local: connection.local,
    ...(tls !== undefined && { tls: { ...tls, ...(certificate !== undefined && { certificate }) } }),
    ...(sasl !== undefined && { sasl }),
    ...(queueId !== undefined && { queueId }),
    ...(sender !== undefined && { sender }),
    ...(shown && recipient !== undefined && { recipient }),
    ...(refused !== undefined && { refusal: refused }),
  }
}
