/**
 * Replies and envelopes, as all rooms speak of them.
 */

/** `5.7.1`; undefined where Postfix sends none. RFC 3463. */
export type EnhancedStatus = `${2 | 4 | 5}.${number}.${number}`

export interface Reply {
  readonly code: number
  readonly enhanced?: EnhancedStatus | undefined
  /** Without code and line ends; the enhanced status is put in front of each by the printer. */
  readonly lines: readonly string[]
  /** Of a reply that was read: all of it as it came, `\n` between lines. */
  readonly text?: string
}

/** RFC 3461 per-recipient DSN parameters, kept as given. */
export interface RecipientDsn {
  readonly notify?: readonly ('NEVER' | 'SUCCESS' | 'FAILURE' | 'DELAY')[] | undefined
  /** `rfc822;user@example`, decoded from xtext. */
  readonly orcpt?: string | undefined
}

export interface EnvelopeRecipient extends RecipientDsn {
  /** `local@domain` without brackets, unquoted form as Postfix's internal one. */
  readonly address: string
  /** For whom it was before this host sent it on: X-Original-To names that. */
  readonly original?: string
}

export interface Envelope {
  /** `''` is the null sender. */
  readonly sender: string
  readonly recipients: readonly EnvelopeRecipient[]
  readonly ret?: 'FULL' | 'HDRS' | undefined
  readonly envid?: string | undefined
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME' | undefined
  readonly smtpUtf8: boolean
  /** XVERP delimiters, two characters, where asked for. */
  readonly verp?: string | undefined
}
