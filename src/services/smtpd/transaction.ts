/** A mail transaction: MAIL to the end of its data. */
import type { Envelope, EnvelopeRecipient, MailParameters } from '../../formats/smtp/mod.ts'
import type { Effect, Submission } from '../../mail/intake/mod.ts'

export interface Transaction {
  readonly sender: string
  readonly parameters: MailParameters
  readonly arrivalMs: number
  readonly recipients: EnvelopeRecipient[]
  /** Recipients refused for being over smtpd_recipient_limit. */
  overshoot: number
  queueId: string | undefined
  readonly effects: Effect[]
  /** Open once DATA or the first BDAT was accepted. */
  submission: Submission | undefined
}

export function envelopeOf({ sender, parameters, recipients }: Transaction): Envelope {
  const { ret, envid, body, smtpUtf8, verp } = parameters
  return { sender, recipients, ret, envid, body, smtpUtf8, verp }
}
