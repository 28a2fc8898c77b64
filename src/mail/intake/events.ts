import type { PathStep } from '../routing/mod.ts'

/** Where one recipient's mail goes, and the lookups that led there. */
export interface PlannedRecipient {
  /** As it stood in RCPT TO. */
  readonly original: string
  readonly recipient: string
  readonly transport: string
  readonly nexthop: string
  /** The account whose mailbox takes it: `user`, `user@domain`. */
  readonly account: string | undefined
  readonly path: readonly PathStep[]
}

/** Where each recipient's mail will go: for whoever asks later why. It has no line in the log. */
export interface IntakePlanned {
  readonly event: 'intake.planned'
  readonly queueId: string
  readonly sender: string
  readonly recipients: readonly PlannedRecipient[]
}

/** What intake publishes; main prints them as cleanup's, qmgr's and local's lines. */
export type IntakeEvent =
  /** Postfix: cleanup `QUEUEID: message-id=<…>` */
  | { readonly event: 'intake.message'; readonly queueId: string; readonly messageId: string; readonly resent: boolean }
  /** Postfix: qmgr `QUEUEID: from=<…>, size=…, nrcpt=… (queue active)` */
  | {
      readonly event: 'intake.accepted'
      readonly queueId: string
      readonly sender: string
      readonly sizeOctets: number
      readonly recipients: number
      readonly hold: boolean
    }
  /** A mailbox entry was made. Postfix: local `QUEUEID: to=<…>, orig_to=<…>, relay=local, delay=…, status=sent (delivered to mailbox)` */
  | {
      readonly event: 'intake.deposited'
      readonly queueId: string
      readonly recipient: string
      readonly original: string
      /** From the first octet to the mailbox. */
      readonly delayMs: number
      /** Of that, making it durable. */
      readonly commitMs: number
    }
  /** An alias sent it on as a new message. Postfix: local `…, status=sent (forwarded as QUEUEID)` */
  | {
      readonly event: 'intake.forwarded'
      readonly queueId: string
      readonly recipient: string
      readonly original: string
      readonly as: string
      readonly delayMs: number
      readonly commitMs: number
    }
  /** Nothing of it stands in the queue. Postfix: qmgr `QUEUEID: removed` */
  | { readonly event: 'intake.done'; readonly queueId: string }
  /** Postfix: cleanup `QUEUEID: reject: …` or `discard: …` */
  | {
      readonly event: 'intake.refused' | 'intake.discarded'
      readonly queueId: string
      readonly sender: string
      readonly text: string
    }
  /** The log or the database refused; nothing of the message was kept. */
  | { readonly event: 'intake.failed'; readonly queueId: string; readonly text: string; readonly full: boolean }
  /**
   * A header or body check did something. Postfix: cleanup
   * `QUEUEID: warning: header Subject: … from client[address]; from=<…> to=<…> proto=… helo=<…>: text`
   */
  | {
      readonly event: 'intake.check'
      readonly queueId: string
      readonly action: string
      readonly place: 'header' | 'body' | 'content'
      /** The beginning of the line that was matched. */
      readonly content: string
      readonly client: string
      readonly sender: string
      readonly recipient: string
      readonly protocol: string
      readonly helo: string
      readonly text: string
    }
  /** A filter spoke. Postfix: cleanup `QUEUEID: milter-reject: END-OF-MESSAGE from client[address]: text; from=<…> …` */
  | {
      readonly event: 'intake.filtered'
      readonly queueId: string
      readonly action: 'reject' | 'hold' | 'discard'
      readonly where: string
      readonly client: string
      readonly text: string
      readonly sender: string
      readonly recipient: string
      readonly protocol: string
      readonly helo: string
    }
  | { readonly event: 'intake.warning'; readonly text: string }
