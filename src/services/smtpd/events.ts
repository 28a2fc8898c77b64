/** What smtpd publishes; main prints it as Postfix's smtpd does. Refusals by restrictions are policy's events. */
interface Client {
  /** `syslog_name` of the listener: `postfix`, `postfix/submission` … */
  readonly syslogName: string
  readonly clientName: string
  readonly clientAddress: string
}

export type SmtpdEvent =
  | (Client & { readonly event: 'smtpd.connect'; readonly port: number })
  /** counts: `ehlo=1 mail=1 rcpt=1/2 quit=1 commands=5/6` */
  | (Client & { readonly event: 'smtpd.disconnect'; readonly counts: string })
  /** The first recipient was accepted: the message has a queue id. */
  | (Client & {
      readonly event: 'smtpd.client'
      readonly queueId: string
      readonly saslMethod?: string
      readonly saslUsername?: string
    })
  /** smtpd's own refusal (sizes, limits), as `reject: MAIL from …` */
  | (Client & {
      readonly event: 'smtpd.reject'
      readonly where: string
      readonly queueId: string | undefined
      readonly text: string
      readonly sender: string | undefined
      readonly recipient: string | undefined
      readonly protocol: string
      readonly helo: string | undefined
    })
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
  /** what: `lost connection`, `timeout`, `too many errors`, `improper command pipelining`; where: `RCPT`, `END-OF-MESSAGE` … */
  | (Client & { readonly event: 'smtpd.ended'; readonly what: string; readonly where: string })
  /** `Illegal address syntax from … in MAIL command: …`, `non-SMTP command from …` */
  | (Client & { readonly event: 'smtpd.warning'; readonly text: string })
  /** A defect: not the client's doing. */
  | (Client & { readonly event: 'smtpd.defect'; readonly error: unknown })
