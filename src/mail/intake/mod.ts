/**
 * Intake: the one way into the system for a message (Postfix: cleanup).
 */
export type * from './contract.ts'
