/** Where a session stands between MAIL and the end of its message. RFC 5321 §4.1.4, RFC 3030 §2. */
import type { BeforeQueueFilter } from './before-queue/filter.ts'
import type { DataReader, Envelope, EnvelopeRecipient, MailParameters } from '../../formats/smtp/mod.ts'
import type { Effect, MailboxSubmission, Submission } from '../../mail/intake/mod.ts'

/** Accepted by MAIL; grows with each RCPT. */
export interface Transaction {
  readonly sender: string
  readonly parameters: MailParameters
  readonly arrivalMs: number
  readonly recipients: EnvelopeRecipient[]
  /** Recipients refused for being over smtpd_recipient_limit. */
  overshoot: number
  /** From the first accepted recipient on, as in Postfix. */
  queueId: string | undefined
  /** smtpd_proxy_filter, in place of a queue id. */
  filter: BeforeQueueFilter | undefined
  /** MAIL's line as it came. */
  readonly command: string
  readonly effects: Effect[]
}

/** Each phase carries exactly what is known in it. */
export type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'mail'; readonly transaction: Transaction }
  /** Content goes to intake: DATA, or BDAT chunks, between which commands may come. */
  | {
      readonly name: 'content'
      readonly transaction: Transaction
      readonly submission: Submission
      /** LMTP: the same, which ends in mailboxes. */
      readonly mailboxes?: MailboxSubmission
      readonly reader: DataReader
      /** Effects that intake knows already: what comes behind them was said by DATA's end. */
      readonly effectsBefore: number
    }
  /** A BDAT chunk was refused; those that follow it are read and thrown away, up to the last. RSET ends it. */
  | { readonly name: 'refused chunks'; readonly transaction: Transaction | undefined }

export const IDLE: Phase = { name: 'idle' }

export function transactionOf(phase: Phase): Transaction | undefined {
  return phase.name === 'idle' ? undefined : phase.transaction
}

export function envelopeOf({ sender, parameters, recipients }: Transaction): Envelope {
  const { ret, envid, body, smtpUtf8, verp } = parameters
  return { sender, recipients, ret, envid, body, smtpUtf8, verp }
}
