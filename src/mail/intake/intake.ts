/** Opens submissions; everything a submission needs comes through here. */
import type { Clock, QueueIds } from '#src/base/mod.ts'
import type { Reply } from '../../formats/smtp/mod.ts'
import type { MessageLog, Replay } from '../../io/blobs/mod.ts'
import type { Settings } from '../../io/config/mod.ts'
import type { Router } from '../routing/mod.ts'
import type { Arrival, MailboxIntake, MailboxSubmission, MessageFilters, OpenOptions } from './contract.ts'
import type { Characters } from './content-checks/characters.ts'
import type { ContentChecks } from './content-checks/contract.ts'
import type { Field } from './head.ts'
import type { intakeParams } from './params.ts'
import type { HasRoom } from './plan.ts'
import { applyPlan, decodePlan, type DepositPort, type QueuePort } from './record.ts'
import { IntakeSubmission } from './submission.ts'
import { prepended, received } from './trace.ts'

/** `F` is what the store's analyser finds in a message. */
export interface IntakeDeps<F> {
  readonly cf: Settings<typeof intakeParams>
  readonly clock: Clock
  readonly log: MessageLog
  readonly router: Router
  /** Header and body checks; undefined where none are configured. */
  readonly content: ContentChecks | undefined
  /** Octets that messages must not hold, or lose; undefined where none are configured. */
  readonly characters: Characters | undefined
  /** milter_header_checks; undefined where they are not configured. */
  readonly milterChecks: ContentChecks | undefined
  /** non_smtpd_milters, for what no SMTP client brought; undefined where none are configured. */
  readonly localFilters: MessageFilters | undefined
  /** content_filter: `transport:nexthop` that messages are sent through before their own; `''` for none. */
  readonly contentFilter: string
  /** Whether always_bcc, sender_bcc_maps and recipient_bcc_maps add recipients (not with no_address_mappings). */
  readonly automaticBcc: boolean
  readonly queueIds: QueueIds
  readonly store: DepositPort<F>
  readonly queue: QueuePort
  readonly analyser: () => { push(chunk: Buffer): void; end(): F }
  /** Whether a part says that it is 8-bit or binary. @param deep not only the message itself */
  readonly says8bit: (facts: F, deep: boolean) => boolean
  /** Whether mail for an account by this transport is a mailbox entry at once. */
  readonly atOnce: (transport: string) => boolean
  readonly hasRoom: HasRoom
  /** RFC 5322 date with the zone's name: `Tue, 24 Nov 2026 09:04:28 +0000 (UTC)`. */
  readonly date: (ms: number) => string
  /** The field with its addresses rewritten, CRLF included. */
  readonly rewriteField: (field: Field, context: 'local' | 'remote') => Buffer | Promise<Buffer>
  /** Whether the database takes more: `full` while checkpoints do not keep up, `read-only` after a failure on disk. */
  readonly condition: () => 'writable' | 'full' | 'read-only'
  /** Octets free where the log lies. */
  readonly freeOctets: () => number
  /** Something stands in the queue. */
  readonly onQueued: () => void
}

/** Postfix: smtpd wants room for one and a half messages of the largest size before it says yes to MAIL. */
const ROOM_FACTOR = 1.5

const NO_ROOM: Reply = { code: 452, enhanced: '4.3.1', lines: ['Insufficient system storage'] }

const READ_ONLY: Reply = { code: 451, enhanced: '4.3.0', lines: ['Error: queue file write error'] }

export function createIntake<F>(deps: IntakeDeps<F>): MailboxIntake {
  const queueId = (): string => deps.queueIds.next(deps.clock.now())
  return {
    queueId,
    open(arrival: Arrival, options: OpenOptions): MailboxSubmission | Reply {
      return new IntakeSubmission(deps, arrival, { ...options, queueId: options.queueId ?? queueId() })
    },
    trace(arrival, options, own) {
      const { arrivalMs = deps.clock.now() } = options
      return prepended(options) + (own ? received(deps, arrival, { ...options, queueId: '', arrivalMs }) : '')
    },
    draft: (sizeHint) => deps.log.draft(sizeHint),
    noRoom(sizeOctets) {
      const condition = deps.condition()
      if (condition !== 'writable') return condition === 'full' ? NO_ROOM : READ_ONLY
      const { queue_minfree, message_size_limit } = deps.cf
      const wanted = Math.max(sizeOctets, message_size_limit * ROOM_FACTOR) + queue_minfree
      return deps.freeOctets() < wanted ? NO_ROOM : undefined
    },
  }
}

/**
 * Repeats what a record of kind `mail` brought about, after a power cut took its transaction. Nobody is asked again:
 * the plan stands in the record.
 */
export function replayMail<F>(ports: {
  readonly store: DepositPort<F>
  readonly queue: QueuePort
  readonly analyse: (read: (from: number, to: number) => Buffer, length: number) => F
}): Replay {
  return (tx, record) => {
    const facts = ports.analyse((from, to) => record.read(from, to), record.at.length)
    applyPlan(decodePlan(record.facts), ports, tx, { id: record.id, at: record.at, facts })
  }
}
