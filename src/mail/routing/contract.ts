/**
 * What other rooms see of routing (Postfix: trivial-rewrite and the address part of cleanup).
 */
import type { Config } from '../../io/config/mod.ts'
import type { Maps } from '../../io/tables/mod.ts'
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

/** What local(8) finds behind a name beside mailboxes: carried out by delivery, with somebody's rights. */
export interface LocalTask {
  /** `|command`, `/file/name`, or `:include:/file` for a list that only its owner may read. */
  readonly target: string
  readonly place: 'alias' | 'include'
  /** Numeric user id of who owns the alias table or the list; 0 means default_privs. */
  readonly owner: number
}

/** A recipient after expansion, with where it came from (for X-Original-To, Delivered-To, ORCPT). */
export interface Expanded {
  readonly original: string
  readonly routed: Routed
  /** The envelope sender that an owner- alias puts in place of the message's. */
  readonly sender?: string
  /** What Delivered-To names: the address that local(8) was given (frozen_delivered_to), else the recipient. */
  readonly delivered: string
  /** The alias or list that sends this on as new mail (Postfix: `forwarded as …`): its Delivered-To breaks loops. */
  readonly forwarded?: string
  /** The alias that this came out of, the first one. */
  readonly alias?: AliasExpansion
  readonly task?: LocalTask
  /** Found by aliases and mailbox settings of local names, which the address alone does not say again. */
  readonly routedBy?: 'local'
}

/** What a sender who asks for reports of success is told of an alias. RFC 3464 §2.3.3, RFC 3461 §6.2.7.3. */
export interface AliasExpansion {
  readonly address: string
  /** `delivered`: to a list with an owner, whose members are the list's business. */
  readonly action: 'expanded' | 'delivered'
  readonly by: 'virtual_alias_maps' | 'alias_maps'
}

/** Why an address cannot be served; what RCPT or VRFY answers. */
export interface Unserved {
  readonly code: number
  readonly enhanced: `${4 | 5}.${number}.${number}`
  /** `User unknown in local recipient table` … */
  readonly text: string
}

export interface Router {
  /**
   * The same for one smtpd: its master.cf may have recipients and their tables looked up otherwise
   * (`-o local_recipient_maps=`). Rewriting and routes stay main.cf's, as they are other processes' in Postfix.
   */
  seenBy(listener: Config): Router
  /** The same for address probes, which may go elsewhere than mail (address_verify_*). */
  forProbes(): Router
  /** Rewrites an envelope address to standard form (append_at_myorigin …). `''` stays. */
  standard(address: string): string
  /**
   * The domain could be one: what Postfix answers with 501 5.1.7 (sender) or 5.1.3 (recipient) otherwise. One outside
   * ASCII must be declared (SMTPUTF8, RFC 6531 §3.1).
   */
  validAddress(address: string, declaredUtf8?: boolean): boolean
  /** The address class and transport of one address, without expansion; recorded. `sender` is for sender_dependent_*. */
  resolve(address: string, sender?: string): Promise<Routed>
  /**
   * The same for mail that is to end here: `account` is whose name the address has, whatever aliases, .forward and commands
   * say. A system user that never had mail gets an account.
   */
  mailbox(address: string): Promise<Routed>
  /**
   * Is there such a recipient (reject_unlisted_recipient)? undefined: yes. Looks through canonical, virtual aliases,
   * aliases, accounts. `sender`: the same question for reject_unlisted_sender.
   */
  unlisted(address: string, role?: 'sender' | 'recipient', sender?: string): Promise<Unserved | undefined>
  /** Canonical mapping of an envelope sender. */
  canonicalSender(address: string): Promise<string>
  /**
   * Canonical, virtual alias and local alias expansion of one envelope recipient, bounded; duplicates of the whole
   * message are the caller's. A recipient that needs a command, a file or another host comes out with its transport
   * (`local` with a recipient `|command` or `/file`). One that cannot be delivered comes out with transport `error` and
   * the reason as nexthop. Throws TableError or ExpansionError when that is to be tried again.
   */
  expand(address: string, sender?: string): Promise<readonly Expanded[]>
  /** The same without local aliases and accounts: what a message is addressed to that goes through a filter first. */
  cleaned(address: string, sender?: string): Promise<readonly Expanded[]>
  /** The targets that an alias's text names, in internal form: addresses, `|command`, `/file`, `:include:/file`. */
  targets(text: string): readonly string[]
  /**
   * A header address, internal form in and out. `local` (default): mail of local_header_rewrite_clients; `remote`: all
   * other, rewritten only when remote_header_rewrite_domain is set.
   */
  rewriteHeaderAddress(address: string, kind: 'sender' | 'recipient', context?: 'local' | 'remote'): Promise<string>
  /**
   * generic(5): what an address of the envelope or of a header field is mapped to, once, for another server, internal form
   * in and out; itself where no table has it. More than one result is a mistake in the table. Throws TableError.
   */
  generic(
    address: string,
    maps: Maps,
    options: { readonly parameter: string; readonly propagate: boolean },
  ): Promise<readonly string[]>
  /** Whether the domain of `address` is one that reject_unauth_destination lets pass. */
  isOurs(address: string): Promise<boolean>
  /** sender_bcc_maps, recipient_bcc_maps: who gets a blind copy. */
  bcc(address: string, kind: 'sender' | 'recipient'): Promise<string | undefined>
  /** inet_interfaces (permit_inet_interfaces). */
  isOwnAddress(address: string): boolean
  /** mydestination and own address literals. */
  isLocalDomain(domain: string): Promise<boolean>
}
