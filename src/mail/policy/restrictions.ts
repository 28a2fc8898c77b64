/**
 * All restrictions by name: what they take, and what they ask. Those removed from Postfix are here in their safe meaning.
 */
import { accessRestrictions } from './access.ts'
import { clientRestrictions } from './client.ts'
import type { Evaluation, Outcome, Subject } from './evaluation.ts'
import { helloRestrictions } from './hello.ts'
import { dnsListRestrictions } from './list-restrictions.ts'
import { genericRestrictions } from './generic.ts'
import { greylistRestrictions } from './greylist/restriction.ts'
import { recipientRestrictions } from './recipient.ts'
import { senderRestrictions } from './sender.ts'
import type { Chain, Lists } from './chain.ts'

/** One asking of a restriction. */
export interface Ask {
  readonly ev: Evaluation
  readonly lists: Lists
  readonly argument: string
  /** What stands behind it in its list: DNS lists are asked together. */
  readonly following: Chain
  readonly subject: Subject
}

export interface Restriction {
  readonly argument: 'none' | 'table' | 'domain' | 'server' | 'number'
  readonly check: (ask: Ask) => Outcome | Promise<Outcome>
  /** Nothing behind it is reached. */
  readonly ends?: true
  /** Its successor, where it is no longer Postfix's. */
  readonly removed?: string
}

export type Restrictions = Readonly<Record<string, Restriction>>

export const restrictions: ReadonlyMap<string, Restriction> = new Map(
  Object.entries({
    ...genericRestrictions,
    ...clientRestrictions,
    ...helloRestrictions,
    ...senderRestrictions,
    ...recipientRestrictions,
    ...greylistRestrictions,
    ...accessRestrictions,
    ...dnsListRestrictions,
  } satisfies Restrictions),
)
