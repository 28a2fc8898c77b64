/** What an account that logged in sends, against its limits: the message is held, or refused where it cannot be. */
import { SmtpError } from '../../formats/smtp/mod.ts'
import type { Session } from './session.ts'
import type { Transaction } from './transaction.ts'

/** Before the end of a message is answered. Throws SmtpError. */
export async function heedSendingLimits(session: Session, transaction: Transaction, queueId: string): Promise<void> {
  const { sasl, account, deps } = session
  if (sasl === undefined || deps.sending === undefined) return
  const recipients = transaction.recipients.map(({ address }) => address)
  // What a before-queue filter hands in is that filter's.
  const mayHold = deps.beforeQueue === undefined
  const verdict = await deps.sending({ account, username: sasl.username, queueId, recipients, mayHold })
  if (verdict === 'ok') return
  if (verdict === 'refuse')
    throw session.refusal(
      'END-OF-MESSAGE',
      new SmtpError(450, '4.7.1', 'Error: too much mail from this account, try again later'),
    )
  transaction.effects.push({ action: 'hold' })
}
