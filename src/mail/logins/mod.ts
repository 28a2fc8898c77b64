/**
 * Log-ins: who came in, who tried, who may not try any more; of services with passwords alone.
 * In: what a service learns of a log-in, by the `Visit` of its client. Out: waits, bans, sessions that are let go, a ledger.
 * On disk: tables `login_record`, `ban`, `ban_version`. In shared memory: how often who failed (counters.ts).
 * Settings: params.ts. Why it is so: docs/decisions/0024-around-a-log-in.md.
 */
export { type Ban, Bans } from './bans.ts'
export { FailureCounters } from './counters.ts'
export type { LoginsEvent } from './events.ts'
export { Ledger, type LogIn, type LogInRecord } from './ledger.ts'
export { type LoginDoor, Logins } from './logins.ts'
export { type Network, parseNetwork, printNetwork } from './networks.ts'
export { loginsParams, type LoginsSettings } from './params.ts'
export { loginsSchema } from './schema.ts'
export type { Visit, VisitorFacts } from './visit.ts'
