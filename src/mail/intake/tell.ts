/** What is told of a message once it is kept: for the log, in Postfix's order. */
import { publish } from '#src/base/mod.ts'
import type { IntakeEvent } from './events.ts'
import type { Applied, Forwarded, Plan } from './record.ts'

export interface Kept {
  readonly messageId: string
  /** Of the content, with the fields that intake put in front. */
  readonly sizeOctets: number
  readonly startedMs: number
  readonly commitStartedMs: number
  readonly nowMs: number
}

export function tellKept(plan: Plan, { deposited, queued }: Applied, kept: Kept): void {
  const { queueId, sender, sizeOctets, hold } = plan
  const recipients = deposited.length + queued
  publish<IntakeEvent>({ event: 'intake.message', queueId, messageId: kept.messageId, resent: false })
  publish<IntakeEvent>({ event: 'intake.accepted', queueId, sender, sizeOctets, recipients, hold })
  for (const { recipient, original } of deposited)
    publish<IntakeEvent>({ event: 'intake.deposited', queueId, recipient, original, ...times(kept) })
  for (const forwarded of plan.forwarded ?? []) tellForwarded(queueId, forwarded, kept)
  if (queued === 0) publish<IntakeEvent>({ event: 'intake.done', queueId })
}

/** local's line of an alias that sent on, and qmgr's of the message that it made. */
function tellForwarded(
  queueId: string,
  { queueId: as, by, original, sender, recipients }: Forwarded,
  kept: Kept,
): void {
  publish<IntakeEvent>({ event: 'intake.forwarded', queueId, recipient: by, original, as, ...times(kept) })
  const { sizeOctets } = kept
  publish<IntakeEvent>({
    event: 'intake.accepted',
    queueId: as,
    sender,
    sizeOctets,
    recipients: recipients.length,
    hold: false,
  })
}

const times = ({ nowMs, startedMs, commitStartedMs }: Kept): { delayMs: number; commitMs: number } => ({
  delayMs: nowMs - startedMs,
  commitMs: nowMs - commitStartedMs,
})
