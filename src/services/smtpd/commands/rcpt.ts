/** RCPT. RFC 5321 §4.1.1.3. */
import { publish } from '#src/base/mod.ts'
import { parseRcptParameters, SmtpError } from '../../../formats/smtp/mod.ts'
import type { SmtpdEvent } from '../events.ts'
import type { Session } from '../session.ts'
import type { Transaction } from '../transaction.ts'
import { checkUtf8, offered, pathOf } from './mail.ts'

export async function rcpt(session: Session, rest: string): Promise<void> {
  const { transaction } = session
  if (transaction === undefined) throw new SmtpError(503, '5.5.1', 'Error: need MAIL command')
  if (transaction.submission !== undefined) throw new SmtpError(503, '5.5.1', 'Error: RCPT after BDAT')
  const [, argument] = /^TO[ \t]*:[ \t]*([^]+)$/i.exec(rest) ?? []
  if (argument === undefined) throw new SmtpError(501, '5.5.4', 'Syntax: RCPT TO:<address>')
  const path = pathOf(session, argument, 'RCPT')
  const dsn = parseRcptParameters(path.rest, await offered(session))
  checkUtf8(session, path.address, transaction.parameters.smtpUtf8)
  checkLimit(session, transaction)
  session.obey(await session.deps.policy.rcpt({ ...session.facts, recipient: path.address }))
  if (transaction.recipients.length === 0) open(session, transaction)
  transaction.recipients.push({ address: path.address, ...dsn })
  session.reply({ code: 250, enhanced: '2.1.5', lines: ['Ok'] })
}

/** 452, not 552: RFC 5321 §4.5.3.1.10 corrects RFC 821, so the client retries the rest. */
function checkLimit(session: Session, transaction: Transaction): void {
  const { smtpd_recipient_limit, smtpd_recipient_overshoot_limit } = session.deps.cf
  if (transaction.recipients.length < smtpd_recipient_limit) return
  // Up to the overshoot limit a client that does not look at replies is not punished for it.
  if (transaction.overshoot++ < smtpd_recipient_overshoot_limit) session.errors--
  throw new SmtpError(452, '4.5.3', 'Error: too many recipients')
}

/** As in Postfix, the message has its queue id from the first accepted recipient on. */
function open(session: Session, transaction: Transaction): void {
  const queueId = session.deps.intake.queueId()
  transaction.queueId = queueId
  const sasl = session.sasl && { saslMethod: session.sasl.method, saslUsername: session.sasl.username }
  publish<SmtpdEvent>({ event: 'smtpd.client', ...session.who, queueId, ...sasl })
}
