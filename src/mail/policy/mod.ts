/**
 * Policy: restriction lists, access maps, DNS lists → a verdict and the path that led to it.
 * In: facts of a session, stage by stage. Out: a reply or none, effects on the message, the path.
 * Settings: params.ts. Standards: postconf(5), access(5), SMTPD_ACCESS_README, RFC 5782 (DNS lists), RFC 3463.
 */
export type * from './contract.ts'
export { createPolicy } from './policy.ts'
export { checkRelayGuard } from './relay-guard.ts'
export type { PolicyDeps, Probe } from './rules.ts'
export { publishVerdict } from './publish-verdict.ts'
export { policyParams } from './params.ts'
export { policyFindings, type FindingsInput } from './findings.ts'
export { mendedLists, type Mend } from './mend.ts'
export { listWords } from './words.ts'
export { answerPattern, listLabel } from './list-restrictions.ts'
export { type Outgoing, SendingLimits, sendingOwner, type SendingState } from './sending/limits.ts'
export { sendingParams } from './sending/params.ts'
export { sendingSchema } from './sending/schema.ts'
export { ProbeSender } from './probe-sender.ts'
export { DnsLists } from './dns-lists.ts'
export { endpointOf } from './endpoint.ts'
export type { MilterWarning } from './milter/events.ts'
export { EmulatedSessions, type EmulationOptions } from './milter/emulated.ts'
export { type MacroFacts, macroSource } from './milter/macro-facts.ts'
export { type MilterPeer, Milters } from './milter/milters.ts'
export { milterParams } from './milter/params.ts'
export type { MilterSettings } from './milter/service.ts'
