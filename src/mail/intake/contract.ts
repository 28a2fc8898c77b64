/**
 * What smtpd, sendmail and notices see of intake (Postfix: cleanup), the one way into the system for a message.
 */
import type { Envelope, Reply } from '../../formats/smtp/mod.ts'
import type { Draft } from '../../io/blobs/mod.ts'
import type { Completion } from '../queue/mod.ts'
import type { MessageFilters } from './filters.ts'

export type * from './filters.ts'

/** What access actions, header checks and restrictions ask for on a message. */
export type Effect =
  | { readonly action: 'hold' | 'discard' }
  | { readonly action: 'filter'; readonly destination: string }
  | { readonly action: 'redirect' | 'bcc'; readonly address: string }
  | { readonly action: 'prepend'; readonly line: string }
  | { readonly action: 'log'; readonly severity: 'info' | 'warn'; readonly text: string }

/** How the message came in: for the Received field, the log, and the record. */
export interface Arrival {
  readonly origin: 'smtp' | 'pickup' | 'internal'
  /** What made an internal message: a report, a notice to the postmaster (internal_mail_filter_classes), or local forwarding. */
  readonly mailClass?: 'bounce' | 'notify' | 'forward'
  readonly clientAddress: string
  readonly clientPort?: number
  /** Verified name or `unknown`. */
  readonly clientName: string
  readonly helo: string
  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPA`, `ESMTPSA`, `LMTP` … RFC 3848. */
  readonly protocol: string
  /** Received says nothing of the client and how it came. */
  readonly hidden?: boolean
  readonly saslMethod?: string
  readonly saslUsername?: string
  readonly saslSender?: string
  readonly tls?: { readonly protocol: string; readonly cipher: string; readonly bits: number } | undefined
  /** The client is one whose headers are ours to rewrite (local_header_rewrite_clients). */
  readonly rewriteHeaders: boolean
  /** What the client said of the message's way (XFORWARD): whoever delivers hears that, and nothing of the client. */
  readonly forwarded?: {
    readonly name?: string
    readonly address?: string
    readonly port?: number
    readonly protocol?: string
    readonly helo?: string
    readonly ident?: string
    readonly local?: boolean
  }
}

/** One message on its way in. */
export interface Submission {
  readonly queueId: string
  /** Octets taken by `write`, without the fields that intake puts in front. */
  readonly sizeOctets: number
  /**
   * Octets of the message: CRLF line ends, dots unstuffed, in any cuts; the chunk is kept. A promise: wait.
   * What is wrong with the message is remembered and said by `finish`.
   */
  write(chunk: Buffer): void | Promise<void>
  /**
   * Durable when it resolves: `250 2.0.0 Ok: queued as …`, or a refusal; never throws for what is foreseeable.
   * Throws LogBrokenError when it is unknown what is on disk: the connection is then closed without a reply.
   * @param effects what restrictions said after `open` (DATA, end of data); PREPEND comes too late here and is refused by policy
   */
  finish(envelope: Envelope, effects?: readonly Effect[]): Promise<Reply>
  abort(): void
}

/** A submission that can end in its recipients' mailboxes. */
export interface MailboxSubmission extends Submission {
  /**
   * In place of `finish`: the message goes into the mailboxes of its recipients and nowhere else (LMTP). Durable there when
   * it resolves; a reply for each recipient, in their order. Throws as `finish` does.
   */
  deliver(envelope: Envelope): Promise<readonly Reply[]>
}

/** Intake over mailboxes. */
export interface MailboxIntake extends Intake {
  open(arrival: Arrival, options: OpenOptions): MailboxSubmission | Reply
  /** What stands in front of a message that goes elsewhere, which has no queue id. @param own whether Received does */
  trace(arrival: Arrival, options: OpenOptions, own: boolean): string
  /** Keeps the octets of such a message for a while. */
  draft(sizeHint: number): Draft
}

export interface OpenOptions {
  /** As given by `queueId()`; one is made where it is missing. */
  readonly queueId?: string
  /** When the message began to come in, ms since 1970; now, where it is missing. */
  readonly arrivalMs?: number
  readonly sizeHint?: number
  readonly effects: readonly Effect[]
  /** With exactly one, `firstRecipient` is named in Received (`for <…>`). */
  readonly recipients: number
  readonly firstRecipient: string
  /** For mail from this host without a From field. */
  readonly sender?: string
  /** The sender's name in that field (sendmail -F). */
  readonly fullName?: string
  /** What the message settles in the queue, in the transaction that takes it in. */
  readonly completes?: Completion
  /** A report of the delivery is wanted (sendmail -v, -bv). */
  readonly trace?: 'verify' | 'deliver'
  /** Who looks at the message when all of it is there. Mail that came by SMTP has no others. */
  readonly filters?: MessageFilters
}

export interface Intake {
  /** Opens a submission: queue id, draft, `Received`. May answer a refusal (452 4.3.1 no space). */
  open(arrival: Arrival, options: OpenOptions): Submission | Reply
  /** The queue id of the next message, before it opens (Postfix gives it at the first accepted RCPT). */
  queueId(): string
  /** Room for `sizeOctets` more: message_size_limit is smtpd's, this is the disk and `queue_minfree`. undefined: yes. */
  noRoom(sizeOctets: number): Reply | undefined
}
