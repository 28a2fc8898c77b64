/** RCPT. RFC 5321 §4.1.1.3. */
import {
  type CommandLine,
  type MailParameters,
  parseRcptParameters,
  pathArgument,
  type Reply,
  SmtpError,
} from '../../../formats/smtp/mod.ts'
import { publishVerdict, type Verdict } from '../../../mail/policy/mod.ts'
import { heeded, openFilter } from '../before-queue/submission.ts'
import { tellRcpt } from '../milters.ts'
import { checkUtf8, pathOf, wordsOf } from '../paths.ts'
import { ExcusedError, type Session } from '../session.ts'
import type { Transaction } from '../transaction.ts'
import { offered } from './mail.ts'

export function rcpt(session: Session, command: CommandLine): Promise<Reply> {
  const { deps } = session
  return takeRecipient(session, command, (address) => deps.policy.rcpt(session.facts(address)))
}

/** @param admit decides about the address; may throw SmtpError */
export async function takeRecipient(
  session: Session,
  { rest, text }: CommandLine,
  admit: (address: string, parameters: MailParameters) => Promise<Verdict>,
): Promise<Reply> {
  const { cf, deps, phase } = session
  const chunks = phase.name === 'content' || phase.name === 'refused chunks'
  if (chunks && session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: RCPT after BDAT')
  if (phase.name !== 'mail') throw new SmtpError(503, '5.5.1', 'Error: need MAIL command')
  const { transaction } = phase
  const argument = pathArgument(rest, 'TO')
  if (argument === undefined) throw new SmtpError(501, '5.5.4', 'Syntax: RCPT TO:<address>')
  const { address, rest: words } = pathOf(session, argument, 'RCPT', transaction.parameters.smtpUtf8)
  const dsn = words === '' ? undefined : parseRcptParameters(words, await offered(session, words))
  checkLimit(session, transaction)
  checkUtf8(session, address, transaction.parameters.smtpUtf8)
  if (session.overRate('recipient', cf.smtpd_client_recipient_rate_limit))
    throw new SmtpError(450, '4.7.1', `Error: too many recipients from ${session.client.address}`)
  const verdict = await admit(address, transaction.parameters)
  if (session.milters !== undefined) await tellRcpt(session, wordsOf(argument, words), address, verdict)
  session.obey(verdict)
  if (transaction.queueId === undefined && transaction.filter === undefined) await beginMessage(session, transaction)
  if (transaction.filter !== undefined) await heeded(transaction.filter.command(text, '2'))
  publishVerdict(session.facts(address), 'RCPT', verdict)
  transaction.recipients.push({ address: deps.policy.recipientOf(address), ...dsn })
  return { code: 250, enhanced: '2.1.5', lines: ['Ok'] }
}

/** 452, not 552: RFC 5321 §4.5.3.1.10 corrects RFC 821, so the client retries the rest. */
function checkLimit(session: Session, transaction: Transaction): void {
  const { smtpd_recipient_limit, smtpd_recipient_overshoot_limit } = session.cf
  if (transaction.recipients.length < smtpd_recipient_limit) return
  // Up to the overshoot limit a client that does not look at replies is not punished for it.
  const excused = transaction.overshoot++ < smtpd_recipient_overshoot_limit
  throw new (excused ? ExcusedError : SmtpError)(452, '4.5.3', 'Error: too many recipients')
}

/**
 * As in Postfix, the message has its queue id, or a filter in place of the queue, from the first accepted recipient on, if not
 * from MAIL on.
 */
export async function beginMessage(session: Session, transaction: Transaction): Promise<void> {
  const { sasl, forwarded, deps } = session
  if (deps.beforeQueue === undefined) transaction.queueId = deps.intake.queueId()
  else transaction.filter = await openFilter(session, transaction, deps.beforeQueue)
  const { queueId = 'NOQUEUE' } = transaction
  const { name = 'unknown', address, ident } = forwarded ?? {}
  session.publish({
    event: 'smtpd.client',
    queueId,
    ...(sasl !== undefined && { saslMethod: sasl.method, saslUsername: sasl.username }),
    ...(ident !== undefined && { origQueueId: ident }),
    ...(address !== undefined && { origClient: `${name}[${address}]` }),
  })
}
