/** Tells the postmaster and the owner that mail of an account is held, for it sends more than it may. */
import { publish } from '#src/base/mod.ts'
import type { NoticeEvent } from './notices.ts'
import { noticesParams } from './params.ts'
import { sendNotice } from './send-notice.ts'
import type { TranscriptDeps } from './transcripts.ts'

export interface SendingNotice {
  /** As it logs in, or as its user did. */
  readonly name: string
  /** Where its mail goes; undefined where it has no mailbox here. */
  readonly address: string | undefined
  /** `more than 300 messages in an hour` */
  readonly over: string
}

/** Never rejects: a notice that cannot be sent is a warning. */
export async function tellOfSending(notice: SendingNotice, deps: Omit<TranscriptDeps, 'protocol'>): Promise<void> {
  const { error_notice_recipient, double_bounce_sender } = deps.config().bind(noticesParams)
  const postmaster = deps.standard(error_notice_recipient)
  const to = [postmaster, ...(notice.address === undefined ? [] : [deps.standard(notice.address)])]
  try {
    const text = (queueId: string): string => textOf(notice, to, queueId, deps)
    const reply = await sendNotice(deps.intake(), deps.standard(double_bounce_sender), to, text)
    if (reply.code >= 400) throw new Error(reply.lines.join(' '))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    publish<NoticeEvent>({ event: 'notices.warning', text: `sending limit notify: ${text}` })
  }
}

function textOf(
  { name, over }: SendingNotice,
  to: readonly string[],
  queueId: string,
  { config, clock, date }: Pick<TranscriptDeps, 'config' | 'clock' | 'date'>,
): string {
  const hostname = config().value('myhostname') ?? 'localhost'
  const all = [
    `Date: ${date(clock.now())}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: ${to.map((address) => `<${address}>`).join(', ')}`,
    `Subject: Mail of ${name} is held: ${over}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    `Message-Id: <${queueId}@${hostname}>`,
    '',
    `The account ${name} on ${hostname} wants to send ${over}.`,
    'What is more is kept in the queue and not sent; nothing is lost.',
    '',
    'If this mail is wanted, the postmaster lets it go:',
    '',
    `    postigo account release ${name}`,
    '',
    'If it is not, somebody else may know the password. Who logged in, and from where:',
    '',
    `    postigo account log-ins ${name}`,
    '',
  ]
  return all.map((line) => line + '\r\n').join('')
}
