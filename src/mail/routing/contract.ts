/**
 * What other rooms see of routing (Postfix: trivial-rewrite and the address part of cleanup).
 */
import type { Account } from '../accounts/mod.ts'

export type AddressClass = 'local' | 'virtual-alias' | 'virtual-mailbox' | 'relay' | 'default'

/** Where a recipient goes. */
export interface Routed {
  readonly recipient: string
  readonly addressClass: AddressClass
  /** `local`, `virtual`, `relay`, `smtp`, `error` … as in master.cf. */
  readonly transport: string
  /** `example.com`, `[host]:port`, or the text of an error: transport. */
  readonly nexthop: string
  /** The account whose INBOX takes the mail as it is: delivery is a store write only. */
  readonly account: Account | undefined
  /** `+extension` without delimiter, `''` for none. */
  readonly extension: string
  /** What was asked and found on the way. */
  readonly path: readonly PathStep[]
}

/** One step of the recorded path (ARCHITECTURE §7): a rule, what it looked at, what came out. */
export interface PathStep {
  /** `reject_unauth_destination`, `virtual_alias_maps`, `transport_maps` … */
  readonly rule: string
  /** Key, table, file:line, DNS question: what it looked at; `''` for nothing. */
  readonly asked: string
  readonly answer: string
}

/** A recipient after expansion, with where it came from (for X-Original-To, Delivered-To, ORCPT). */
export interface Expanded {
  readonly original: string
  readonly routed: Routed
}

/** Why an address cannot be served; what RCPT or VRFY answers. */
export interface Unserved {
  readonly code: number
  readonly enhanced: `${4 | 5}.${number}.${number}`
  /** `User unknown in local recipient table` … */
  readonly text: string
}

export interface Router {
  /** Rewrites an envelope address to standard form (append_at_myorigin …). `''` stays. */
  standard(address: string): string
  /** The address class and transport of one address, without expansion; recorded. */
  resolve(address: string): Promise<Routed>
  /** Is there such a recipient (reject_unlisted_recipient)? undefined: yes. Looks through canonical, virtual aliases, aliases, accounts. */
  unlisted(address: string): Promise<Unserved | undefined>
  /** Canonical mapping of an envelope sender. */
  canonicalSender(address: string): Promise<string>
  /**
   * Canonical, virtual alias and local alias expansion of one envelope recipient, bounded; duplicates of the whole
   * message are the caller's. A recipient that needs a command, a file or another host comes out with its transport.
   */
  expand(address: string): Promise<readonly Expanded[]>
  /** Header addresses of mail that comes from this host (local_header_rewrite_clients) or all, as configured. */
  rewriteHeaderAddress(address: string, kind: 'sender' | 'recipient'): Promise<string>
  /** Whether the domain of `address` is one that reject_unauth_destination lets pass. */
  isOurs(address: string): Promise<boolean>
}
