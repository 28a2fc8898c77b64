/**
 * The queue: accepted messages on their way out.
 * In: an envelope and content from intake. Out: one final status per recipient.
 * On disk: table `queue_message`, one row per message; `queue_recipient`, one per recipient that is not done with.
 * Settings: params.ts. Standards: RFC 5321 §4.5.4.1 (retry), RFC 3461 §5 (DSN).
 *
 * What a kill leaves, and what the next start makes of it (test/process/queue-kill.test.ts; between any two writes:
 * test/process/queue-points.test.ts):
 *
 * | stopped after | in the rows | the next start |
 * | --- | --- | --- |
 * | enqueue | the recipient, due | delivers |
 * | the far server's reply, before settle | the recipient, due | delivers again: the one double allowed |
 * | settle of a failure | `outcome` | makes the report |
 * | the report's append, before its commit | `outcome` | cut; makes the report |
 * | the report's commit | nothing: its record completed the recipients | – |
 */
export type * from './contract.ts'
export {
  type ListPlace,
  type Operation,
  type QueueCounts,
  QueueDesk,
  type QueuedMessage,
  type QueueName,
  type Selection,
} from './desk.ts'
export type { QueueEvent } from './events.ts'
export { holdAll } from './hold-all.ts'
export { readLimits } from './limits.ts'
export type { Notify } from './notifier.ts'
export { Prober, type ProberDeps } from './prober.ts'
export { type ProbeResult, ProbeStore, probeAsker } from './probes.ts'
export { probeParams, queueParams } from './params.ts'
export { queueContent } from './content.ts'
export type { DueJob, Ended, JobRecipient } from './rows.ts'
export { QueueRunner, type RunnerDeps } from './runner.ts'
export { queueSchema } from './schema.ts'
export { QueueStore } from './store.ts'
