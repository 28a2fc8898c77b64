/**
 * The queue: accepted messages on their way out.
 * In: an envelope and content from intake. Out: one final status per recipient.
 * On disk: table `queue_message`, one row per message; `queue_recipient`, one per recipient that is not done with.
 * Settings: params.ts. Standards: RFC 5321 §4.5.4.1 (retry), RFC 3461 §5 (DSN).
 */
export type * from './contract.ts'
export type { QueueEvent } from './events.ts'
export { queueParams } from './params.ts'
export { type Ended, QueueRunner, type RunnerDeps } from './runner.ts'
export { queueSchema } from './schema.ts'
export { type DueJob, type QueueCounts, type QueuedMessage, QueueStore } from './store.ts'
