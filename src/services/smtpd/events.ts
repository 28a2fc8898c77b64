/** What smtpd publishes; main prints it as Postfix's smtpd does. Refusals by restrictions are policy's events. */
interface Client {
  /** `syslog_name` of the listener: `postfix`, `postfix/submission` … */
  readonly syslogName: string
  readonly clientName: string
  readonly clientAddress: string
  /** Where the log shall name it. */
  readonly clientPort?: number
  /** Where it is not smtpd. */
  readonly service?: 'lmtpd' | 'postscreen' | 'dnsblog'
}

/** An answer, and where the session stood. */
interface Answer extends Client {
  readonly text: string
  readonly sender: string | undefined
  readonly recipient: string | undefined
  /** `SMTP` or `ESMTP` */
  readonly protocol: string
  readonly helo: string | undefined
}

export type SmtpdEvent =
  | (Client & { readonly event: 'smtpd.connect'; readonly port: number })
  /** counts: `ehlo=1 mail=1 rcpt=1/2 quit=1 commands=5/6` */
  | (Client & { readonly event: 'smtpd.disconnect'; readonly counts: string })
  /** The first recipient was accepted: the message has a queue id. `orig…`: what XFORWARD said. */
  | (Client & {
      readonly event: 'smtpd.client'
      readonly queueId: string
      readonly saslMethod?: string
      readonly saslUsername?: string
      readonly origQueueId?: string
      readonly origClient?: string
    })
  /** smtpd's own refusal (sizes, limits, bare LF), as `reject: MAIL from …` */
  | (Answer & { readonly event: 'smtpd.reject'; readonly where: string; readonly queueId: string | undefined })
  /** A milter spoke: `milter-reject: RCPT from …` */
  | (Answer & {
      readonly event: 'smtpd.milter'
      readonly action: 'reject' | 'hold' | 'discard'
      readonly where: string
      readonly queueId: string | undefined
    })
  /** What a before-queue filter answered to a message. */
  | (Answer & { readonly event: 'smtpd.before_queue'; readonly action: 'accept' | 'reject' })
  /** mechanism: in the client's own letters, as Postfix logs it; username: `''` where the exchange did not get so far. */
  | (Client & {
      readonly event: 'smtpd.auth_failed'
      readonly mechanism: string
      readonly reason: string
      readonly username: string
    })
  | (Client & { readonly event: 'smtpd.auth'; readonly mechanism: string; readonly username: string })
  | (Client & {
      readonly event: 'smtpd.tls'
      readonly protocol: string
      readonly cipher: string
      readonly bits: number
    })
  /** what: `lost connection`, `timeout`, `too many errors`; where: `RCPT`, `DATA (5 bytes)` … */
  | (Client & { readonly event: 'smtpd.ended'; readonly what: string; readonly where: string })
  /** The client sent on where it had to wait; input: escaped as in C. */
  | (Client & { readonly event: 'smtpd.pipelining'; readonly where: string; readonly input: string })
  /** keywords: `DSN CHUNKING` */
  | (Client & { readonly event: 'smtpd.discarding'; readonly keywords: string })
  /** A recipient refused by the screen in front; client: `[address]:port`, reply: code and text. */
  | (Client & {
      readonly event: 'smtpd.screened'
      readonly client: string
      readonly reply: string
      readonly sender: string
      readonly recipient: string
      readonly protocol: string
      readonly helo: string
    })
  /** A bare LF under smtpd_forbid_bare_newline = note. */
  | (Client & { readonly event: 'smtpd.bare_newline'; readonly where: string })
  /** `Illegal address syntax from … in MAIL command: …`, `non-SMTP command from …` */
  | (Client & { readonly event: 'smtpd.warning'; readonly text: string })
  /** A line at level info: `SSL_accept error from …` */
  | (Client & { readonly event: 'smtpd.info'; readonly text: string })
  /** A defect: not the client's doing. */
  | (Client & { readonly event: 'smtpd.defect'; readonly error: unknown })

type Without<E, K extends PropertyKey> = E extends unknown ? Omit<E, K> : never
/** An event before the session has put its name to it. */
export type SmtpdEventFacts = Without<SmtpdEvent, keyof Client>
/** The same of a transaction's, before the session has put what it knows of that to it. */
export type TransactionEventFacts = Without<
  Extract<SmtpdEventFacts, { readonly event: 'smtpd.reject' | 'smtpd.milter' | 'smtpd.before_queue' }>,
  'sender' | 'protocol' | 'helo'
>
