/**
 * Intake: the one way into the system for a message (Postfix: cleanup).
 * In: an arrival, octets, an envelope. Out: a reply, once the message is durable with all that comes of it.
 * Settings: params.ts. Standards: RFC 5321 §4.4 (trace), §6.3 (loops), RFC 3848.
 */
export type * from './contract.ts'
export { detectsUtf8 } from './smtputf8.ts'
export type { IntakeEvent, IntakePlanned, PlannedRecipient } from './events.ts'
export type { Field } from './head.ts'
export { mailboxFull, unknownUser } from './deliver.ts'
export { createIntake, type IntakeDeps, replayMail } from './intake.ts'
export { filterHop, filterRoute } from './filter-route.ts'
export { intakeParams } from './params.ts'
export { type TakenOver, takeOver } from './queued.ts'
export { applyPlan, decodePlan, type Plan, returned } from './record.ts'
export { openCharacters } from './content-checks/characters.ts'
export { contentFindings } from './content-checks/findings.ts'
export type { CheckReport, ContentChecks } from './content-checks/contract.ts'
export { MessageChecks } from './content-checks/message-checks.ts'
export {
  type ListSettings,
  openChecks,
  openMilterChecks,
  openOutgoingChecks,
  type OutgoingOptions,
} from './content-checks/open.ts'
