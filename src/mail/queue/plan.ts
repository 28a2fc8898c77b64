/** What becomes of recipients after an attempt: pure, from results, age and settings. RFC 5321 §4.5.4.1. */
import type { Settings } from '../../io/config/mod.ts'
import type { RecipientResult } from './contract.ts'
import type { queueParams } from './params.ts'
import type { DueJob, JobRecipient } from './rows.ts'
import type { Settlement } from './store.ts'

export type QueueSettings = Settings<typeof queueParams>

const NO_ANSWER: RecipientResult = { status: 'deferred', dsn: '4.3.0', text: 'the delivery agent gave no answer' }

export function planSettlements(
  job: DueJob,
  results: ReadonlyMap<number, RecipientResult>,
  cf: QueueSettings,
  nowMs: number,
): Settlement[] {
  return job.recipients.map((recipient) => {
    const result = softened(results.get(recipient.id) ?? NO_ANSWER, cf)
    // A probe (sendmail -bv) is made once.
    const ended = job.expire || job.trace === 'verify' || isOld(job, cf, nowMs)
    const expired = result.status === 'deferred' && ended
    const next =
      result.status === 'deferred' && !expired
        ? { retryAtMs: retryAt(job.arrivalMs, cf, nowMs) }
        : wantsReport(recipient, result, job, cf)
          ? 'report'
          : 'done'
    return { recipient: recipient.id, result, next, expired }
  })
}

/** postconf(5) soft_bounce. */
function softened(result: RecipientResult, { soft_bounce }: QueueSettings): RecipientResult {
  if (result.status !== 'bounced' || !soft_bounce) return result
  return { ...result, status: 'deferred', dsn: result.dsn.replace(/^5/, '4') }
}

export function isOld(
  { sender, arrivalMs }: Pick<DueJob, 'sender' | 'arrivalMs'>,
  { maximal_queue_lifetime, bounce_queue_lifetime }: QueueSettings,
  nowMs: number,
): boolean {
  return nowMs - arrivalMs >= (sender === '' ? bounce_queue_lifetime : maximal_queue_lifetime)
}

/** A message waits as long again as it is old: between the shortest and the longest wait that doubles it. Postfix: qmgr_active.c. */
export function retryAt(
  arrivalMs: number,
  { minimal_backoff_time, maximal_backoff_time }: QueueSettings,
  nowMs: number,
): number {
  const age = Math.max(0, nowMs - arrivalMs)
  return nowMs + Math.min(maximal_backoff_time, Math.max(minimal_backoff_time, age))
}

/**
 * RFC 3461 §4.1: of failures one is told unless one said otherwise, of success only if one asked; or where
 * confirm_delay_cleared says so, if one has been told of a delay.
 */
export function wantsReport(
  { notify, told }: JobRecipient,
  result: RecipientResult,
  { trace, warned }: Pick<DueJob, 'trace' | 'warned'>,
  { confirm_delay_cleared }: Pick<QueueSettings, 'confirm_delay_cleared'>,
): boolean {
  if (trace !== undefined) return true
  if (result.status !== 'sent') return notify === undefined || notify.includes('FAILURE')
  if (result.dsnHandedOver !== true && notify?.includes('SUCCESS') === true) return true
  const hearsOfDelays = notify === undefined || notify.includes('DELAY')
  return confirm_delay_cleared && warned && told === undefined && hearsOfDelays
}
