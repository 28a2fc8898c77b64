/** Reports of mail that could not be delivered. RFC 3464 in RFC 6522's multipart/report, sent through intake. */
import type { Intake } from '../intake/mod.ts'
import type { Completion, Ended, QueueStore } from '../queue/mod.ts'

export interface NoticeSettings {
  readonly hostname: string
  readonly mailName: string
  /** Octets of the message that are returned at the most. */
  readonly sizeLimit: number
  readonly date: (ms: number) => string
  readonly nowMs: number
}

/** Octets of a returned message that are read at a time. */
const PIECE = 256 * 1024

/**
 * Tells the sender what became of recipients, in one report for one message. A message of the null sender is never
 * answered (RFC 5321 §6.1).
 */
export async function sendReport(
  kind: 'ended' | 'delayed',
  told: readonly Ended[],
  { intake, queue }: { readonly intake: Intake; readonly queue: Pick<QueueStore, 'completeNow'> },
  settings: NoticeSettings,
): Promise<void> {
  const [first] = told
  if (first === undefined) return
  const completes: Completion = {
    reported: {
      queueId: first.job.queueId,
      recipients: kind === 'delayed' ? [] : told.map(({ recipient }) => recipient.n),
      warned: kind === 'delayed',
    },
  }
  if (first.job.sender === '') return queue.completeNow(completes)
  const submission = intake.open(
    { origin: 'internal', clientAddress: '', clientName: '', helo: '', protocol: '', rewriteHeaders: false },
    { effects: [], recipients: 1, firstRecipient: first.job.sender, sender: '', completes },
  )
  if ('code' in submission) throw new Error(`no report for ${first.job.queueId}: ${submission.lines.join(' ')}`)
  const boundary = `${submission.queueId}/${settings.hostname}`
  await submission.write(Buffer.from(reportHead(told, boundary, settings)))
  await writeOriginal(first, settings, (octets) => submission.write(octets))
  await submission.write(Buffer.from(`\r\n--${boundary}--\r\n`))
  const reply = await submission.finish({
    sender: '',
    recipients: [{ address: first.job.sender, notify: ['NEVER'] }],
    smtpUtf8: first.job.smtpUtf8,
  })
  if (reply.code >= 400) throw new Error(`no report for ${first.job.queueId}: ${reply.lines.join(' ')}`)
}

const crlf = (lines: readonly string[]): string => lines.map((line) => line + '\r\n').join('')

function reportHead(
  told: readonly Ended[],
  boundary: string,
  { hostname, mailName, date, nowMs }: NoticeSettings,
): string {
  const { job } = told[0]!
  const failed = told.some((one) => one.result.status !== 'sent')
  const now = date(nowMs)
  return crlf([
    `Date: ${now}`,
    `From: MAILER-DAEMON@${hostname} (Mail Delivery System)`,
    `Subject: ${failed ? 'Undelivered Mail Returned to Sender' : 'Successful Mail Delivery Report'}`,
    `To: ${job.sender}`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;`,
    `\tboundary="${boundary}"`,
    '',
    'This is a MIME-encapsulated message.',
    '',
    `--${boundary}`,
    'Content-Description: Notification',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    `This is the mail system at host ${hostname}.`,
    '',
    ...(failed
      ? [
          "I'm sorry to have to inform you that your message could not",
          "be delivered to one or more recipients. It's attached below.",
        ]
      : ['Your message was delivered to the recipients below.']),
    '',
    `                   The mail system (${mailName})`,
    '',
    ...told.map(({ recipient, result }) => `<${recipient.address}>: ${result.text.replace(/[\r\n]+/g, ' ')}`),
    '',
    `--${boundary}`,
    'Content-Description: Delivery report',
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${hostname}`,
    ...(job.envid === undefined ? [] : [`Original-Envelope-Id: ${job.envid}`]),
    `X-Postfix-Queue-ID: ${job.queueId}`,
    `X-Postfix-Sender: rfc822; ${job.sender}`,
    `Arrival-Date: ${date(job.arrivalMs)}`,
    ...told.flatMap(perRecipient),
    '',
    `--${boundary}`,
    `Content-Description: Undelivered Message${failed && job.ret !== 'HDRS' ? '' : ' Headers'}`,
    failed && job.ret !== 'HDRS' ? 'Content-Type: message/rfc822' : 'Content-Type: text/rfc822-headers',
    '',
  ])
}

function perRecipient({ recipient, result }: Ended): string[] {
  const { remoteMta, remoteReply } =
    result.status === 'sent' ? { remoteMta: undefined, remoteReply: undefined } : result
  return [
    '',
    `Final-Recipient: rfc822; ${recipient.address}`,
    `Original-Recipient: ${recipient.orcpt ?? `rfc822;${recipient.original === '' ? recipient.address : recipient.original}`}`,
    `Action: ${result.status === 'sent' ? (recipient.transport === 'local' || recipient.transport === 'virtual' ? 'delivered' : 'relayed') : 'failed'}`,
    `Status: ${result.dsn}`,
    ...(remoteMta === undefined ? [] : [`Remote-MTA: dns; ${remoteMta}`]),
    `Diagnostic-Code: ${remoteReply === undefined ? 'X-Postfix' : 'smtp'}; ${(remoteReply ?? result.text).replace(/[\r\n]+/g, ' ')}`,
  ]
}

/** The message itself, or its header section: as RET asks, and never more than the limit. */
async function writeOriginal(
  { job, result }: Ended,
  { sizeLimit }: NoticeSettings,
  write: (octets: Buffer) => void | Promise<void>,
): Promise<void> {
  const headersOnly = job.ret === 'HDRS' || result.status === 'sent'
  const end = Math.min(job.sizeOctets, sizeLimit)
  for (let at = 0; at < end;) {
    const piece = job.read(at, Math.min(end, at + PIECE))
    if (piece.length === 0) return
    const blank = headersOnly ? piece.indexOf('\r\n\r\n') : -1
    await write(Buffer.from(blank < 0 ? piece : piece.subarray(0, blank + 2)))
    if (blank >= 0) return
    at += piece.length
  }
}
