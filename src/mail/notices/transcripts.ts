/** Sessions with errors, told to the postmaster: notify_classes policy, protocol, resource, software, data. */
import { type Clock, publish } from '#src/base/mod.ts'
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import type { Intake } from '../intake/mod.ts'
import type { NoticeEvent } from './notices.ts'
import { noticesParams } from './params.ts'
import { wrapped } from './report.ts'
import { sendNotice } from './send-notice.ts'

/** What was said between this host and another. */
export interface Transcript {
  /** `name[address]` */
  readonly peer: string
  readonly lines: readonly string[]
  /** Of notify_classes. */
  readonly classes: ReadonlySet<string>
  readonly aborted?: string | undefined
}

export interface TranscriptDeps {
  readonly config: () => Config
  readonly intake: () => Intake
  readonly clock: Clock
  readonly date: (ms: number) => string
  readonly standard: (address: string) => string
  /** Of the session, for the subject. */
  readonly protocol: 'SMTP' | 'LMTP'
}

type Side = 'server' | 'client'

/** Whether somebody is to be told of sessions at all. */
export function tellsOfSessions(config: Config, side: Side): boolean {
  const { notify_classes } = config.bind(noticesParams)
  return notify_classes.some((word) => SESSION_CLASSES[side].has(word))
}

/** What a side can have. A server that refuses mail is no trouble of this host. */
const SESSION_CLASSES: Readonly<Record<Side, ReadonlySet<string>>> = {
  server: new Set(['bounce', 'data', 'policy', 'protocol', 'resource', 'software']),
  client: new Set(['data', 'protocol']),
}

/**
 * Sends what Postfix's smtpd_chat_notify and smtp_chat_notify send, where a class of it is wanted. Never rejects: a notice
 * that cannot be sent is a warning.
 * @param side `server`: the other end is a client
 */
export async function tellOfSession(side: Side, transcript: Transcript, deps: TranscriptDeps): Promise<void> {
  const cf = deps.config().bind(noticesParams)
  const wanted = cf.notify_classes.filter((word) => transcript.classes.has(word))
  if (wanted.length === 0) return
  const { bounce_notice_recipient, error_notice_recipient } = cf
  const to = wanted.every((word) => word === 'bounce') ? bounce_notice_recipient : error_notice_recipient
  try {
    const reply = await send(
      side,
      transcript,
      { ...deps, to: deps.standard(to) },
      deps.standard(cf.double_bounce_sender),
    )
    if (reply.code >= 400) throw new Error(reply.lines.join(' '))
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    publish<NoticeEvent>({ event: 'notices.warning', text: `postmaster notify: ${text}` })
  }
}

function send(
  side: Side,
  transcript: Transcript,
  deps: TranscriptDeps & { readonly to: string },
  sender: string,
): Promise<Reply> {
  return sendNotice(deps.intake(), sender, [deps.to], (queueId) => textOf(side, transcript, { ...deps, queueId }))
}

function textOf(
  side: Side,
  { peer, lines, aborted }: Transcript,
  { config, clock, date, to, queueId, protocol }: TranscriptDeps & { readonly to: string; readonly queueId: string },
): string {
  const hostname = config().value('myhostname') ?? 'localhost'
  const intro = side === 'client' ? [`Unexpected response from ${peer}.`, ''] : []
  const why =
    aborted === undefined ? 'For other details, see the local mail logfile' : `Session aborted, reason: ${aborted}`
  const all = [
    `Date: ${date(clock.now())}`,
    `From: Mail Delivery System <MAILER-DAEMON@${hostname}>`,
    `To: Postmaster <${to}>`,
    `Subject: ${config().value('mail_name') ?? 'Postigo'} ${protocol} ${side}: errors from ${peer}`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    `Message-Id: <${queueId}@${hostname}>`,
    '',
    ...intro,
    'Transcript of session follows.',
    '',
    ...lines.flatMap((line) => wrapped(line).map((part) => ` ${part}`)),
    ...(side === 'server' ? ['', '', why] : []),
  ]
  return all.map((line) => line + '\r\n').join('')
}
