/**
 * What other rooms see of the queue: durable envelopes, scheduling, per-recipient status.
 */
import type { Position } from '../../io/blobs/mod.ts'
import type { Tx } from '../../io/db/mod.ts'
import type { RecipientDsn } from '../../formats/smtp/mod.ts'

export interface QueuedRecipient extends RecipientDsn {
  readonly address: string
  /** As in RCPT TO, before rewriting; `''` where the same. */
  readonly original: string
  readonly transport: string
  readonly nexthop: string
  /** Takes the place of the message's sender: the owner of the list that the recipient came from. */
  readonly sender?: string
  /**
   * The alias or list that sends this on, where mail that was in the queue already is routed anew: its Delivered-To goes in
   * front. Of what comes in, intake makes a message of its own.
   */
  readonly forwarded?: string
  /** Delivered-To, where it is not `address`: the address before aliases. */
  readonly delivered?: string
  readonly task?: LocalTask
  /**
   * Why the route is what it is: a filter was asked for, and it stands; or local(8) found it behind a local name, whose aliases
   * are done with. Missing: the address alone says where it goes.
   */
  readonly routedBy?: 'filter' | 'local'
  /** Nothing is delivered: the sender, who asked for reports, is told that this address stands for others. */
  readonly told?: 'expanded' | 'delivered'
  /** What another server's attempts came to, whose queue the message was in. */
  readonly deferred?: { readonly nextAttemptMs: number; readonly status: string; readonly reason: string }
}

/** A command, a file or a private list behind an alias, which local(8) carries out in the recipient's stead. */
export interface LocalTask {
  /** `|command`, `/file/name`, `:include:/file`. */
  readonly target: string
  readonly place: 'alias' | 'include'
  /** Numeric user id whose rights it has; 0 means default_privs. */
  readonly owner: number
}

/** Who brought the message, for the environment of commands and pipe(8)'s macros; `''` for what is not known. */
export interface ClientFacts {
  readonly address: string
  /** Missing in records of earlier versions. */
  readonly port?: number
  readonly name: string
  readonly helo: string
  /** `SMTP`, `ESMTP` … */
  readonly protocol: string
  readonly saslMethod: string
  readonly saslSender: string
  /** What a host in front calls the message (XFORWARD); missing: its queue id. */
  readonly ident?: string
  /** Its headers are ours to rewrite, as of mail that arose here. */
  readonly local?: boolean
}

/** What intake hands over, inside the log's transaction. */
export interface Enqueue {
  readonly queueId: string
  readonly recordId: Buffer
  readonly at: Position
  readonly sender: string
  readonly recipients: readonly QueuedRecipient[]
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly ret?: 'FULL' | 'HDRS' | undefined
  readonly envid?: string | undefined
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME' | undefined
  readonly smtpUtf8: boolean
  readonly verp?: string | undefined
  /** A report of the delivery is wanted: `verify` instead of it (sendmail -bv), `deliver` beside it (sendmail -v). */
  readonly trace?: 'verify' | 'deliver' | undefined
  readonly hold: boolean
  /** Header lines to put in front when it leaves (PREPEND). */
  readonly prefix: Buffer
  /** Who authenticated, for sender-dependent choices and limits; `''` for none. */
  readonly saslUsername: string
  /** Missing for mail that arose here. */
  readonly client?: ClientFacts | undefined
  /** The sender was told of its delay already. */
  readonly warned?: boolean | undefined
}

/** The final or temporary word on one recipient of one attempt. */
export type RecipientResult =
  | {
      readonly status: 'sent'
      readonly dsn: string
      readonly text: string
      /** The next server took over what reports were asked for (RFC 3461 §5.2.2): none is ours to make. */
      readonly dsnHandedOver?: boolean
      readonly remoteMta?: string
      readonly remoteReply?: string
      /** It has arrived, whatever the transport's name says (pipe(8), flag X): reports say `delivered`. */
      readonly final?: boolean
      /** It went on to others, by a list of the recipient's own (.forward). */
      readonly expanded?: boolean
    }
  | {
      readonly status: 'deferred' | 'bounced'
      readonly dsn: string
      readonly text: string
      readonly remoteMta?: string
      readonly remoteReply?: string
      /** Nobody was there to talk to: no message for this destination would fare better now. */
      readonly destinationDown?: boolean
    }

/** How long a delivery took, for the log's `delays=`, and over what. */
export interface DeliveryTimes {
  /** Until the server took mail: DNS, connection, greeting, TLS. */
  readonly setupMs: number
  readonly transferMs: number
  /** Messages that the connection has carried, this one too, where it has carried others: `conn_use=`. */
  readonly connectionUses?: number | undefined
}

/** Delivers one message to some recipients at one nexthop; implemented by mail/delivery, plugged by main. */
export interface Agent {
  /**
   * Calls `report` once for each recipient, as soon as its fate is known. Throws only for a defect: all unreported are deferred.
   */
  deliver(
    job: DeliveryJob,
    report: (recipient: number, result: RecipientResult, relay: string, times?: DeliveryTimes) => void,
    signal: AbortSignal,
  ): Promise<void>
}

export interface DeliveryRecipient extends QueuedRecipient {
  readonly id: number
  /** Its place in the message; missing where nothing is in the queue. */
  readonly n?: number
  /** The message that it was sent on as (.forward): that is done, whatever is still to do for it. */
  readonly sentOn?: string
}

export interface DeliveryJob {
  readonly queueId: string
  readonly transport: string
  readonly nexthop: string
  readonly sender: string
  readonly recipients: readonly DeliveryRecipient[]
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly ret?: 'FULL' | 'HDRS' | undefined
  readonly envid?: string | undefined
  readonly body?: '7BIT' | '8BITMIME' | 'BINARYMIME' | undefined
  readonly smtpUtf8: boolean
  readonly saslUsername: string
  readonly client?: ClientFacts | undefined
  readonly trace?: 'verify' | 'deliver' | undefined
  /**
   * Whether an open connection may be taken (`load`), and whether it is worth keeping (`store`) because more mail for the
   * destination follows. Missing: the delivery has its own.
   */
  readonly connections?: { readonly load: boolean; readonly store: boolean }
  /** XVERP delimiters; the sender is the recipient's own already, and there is only one. */
  readonly verp?: string | undefined
  /** Where the slice lies, for an agent that puts it into a mailbox. */
  readonly at: Position
  /** prefix + slice, at most 1 MiB a call. */
  read(from: number, to: number): Buffer
}

/**
 * What a new message settles in the queue, in the transaction that takes it in: a report stands for the recipients that it
 * tells of, a message of the maildrop for its file. Plain JSON, for it stands in the message's record (rule 1 of the log).
 */
export interface Completion {
  readonly reported?: {
    readonly queueId: string
    /** Recipients by their place in that message, whose story ends with the report. */
    readonly recipients: readonly number[]
    /** The sender is told of a delay, for the first and only time. */
    readonly warned?: boolean
  }
  /** The file of the maildrop. */
  readonly dropped?: string
  /** A recipient, by its place, is sent on as this message: that is not done twice. */
  readonly sentOn?: { readonly queueId: string; readonly recipient: number; readonly as: string }
}

export interface Queue {
  enqueue(tx: Tx, message: Enqueue): void
  complete(tx: Tx, completion: Completion): void
}
