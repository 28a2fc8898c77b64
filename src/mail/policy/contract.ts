/**
 * What smtpd sees of policy: facts of the session in, a verdict with its path out.
 */
import type { PostigoEvent } from '../../base/mod.ts'
import type { Reply } from '../../formats/smtp/mod.ts'
import type { Effect } from '../intake/mod.ts'
import type { PathStep } from '../routing/mod.ts'

/** What is known of a session when policy is asked. Fields are filled as the dialogue goes on. */
export interface SessionFacts {
  readonly client: {
    readonly address: string
    readonly port: number
    /** Verified name (forward and back), `unknown` otherwise. */
    readonly name: string
    /** Name by PTR alone, `unknown` for none. */
    readonly reverseName: string
    /** DNS failed for now: 450 instead of 550 where the name matters. */
    readonly nameStatus: 'ok' | 'permanent' | 'temporary'
    /** The same of `reverseName`; where it is missing, a known name is ok and `unknown` is as `nameStatus` says. */
    readonly reverseStatus?: 'ok' | 'permanent' | 'temporary'
  }
  readonly helo: string | undefined
  readonly protocol: 'SMTP' | 'ESMTP'
  readonly tls:
    | {
        readonly protocol: string
        readonly cipher: string
        /** Of the client's certificate, `AA:BB:…`, where it showed one; and of the key in it. */
        readonly fingerprint?: string
        readonly keyFingerprint?: string
        readonly verified?: boolean
      }
    | undefined
  readonly sasl: { readonly method: string; readonly username: string; readonly sender: string } | undefined
  readonly sender: string | undefined
  readonly recipient: string | undefined
  readonly recipientCount: number
  readonly sizeOctets: number
  /** Queue id, once there is one. */
  readonly queueId: string | undefined
  /** The client sent on before it was answered (reject_unauth_pipelining). */
  readonly pendingInput?: boolean
  /**
   * What policy remembers of the session: make one with `session()` per connection and pass it each time. Without it,
   * what smtpd_delay_reject = no leaves for later stages is forgotten.
   */
  readonly memory?: PolicyMemory
}

/** Policy's own; opaque to others. */
export interface PolicyMemory {
  readonly policyMemory: true
}

/**
 * One line of Postfix's log about a restriction or an access action. All refusals that come out of a Verdict are
 * published so; smtpd logs its own (syntax, sizes), not these.
 */
export interface PolicyEvent extends PostigoEvent {
  readonly event: 'policy.action'
  readonly what:
    | 'permit'
    | 'reject'
    | 'reject_warning'
    | 'warn'
    | 'info'
    | 'filter'
    | 'hold'
    | 'discard'
    | 'redirect'
    | 'bcc'
  /** `CONNECT`, `EHLO`, `RCPT`, `DATA`, `END-OF-MESSAGE` … */
  readonly where: string
  readonly queueId: string | undefined
  readonly clientName: string
  readonly clientAddress: string
  readonly text: string
  readonly sender: string | undefined
  readonly recipient: string | undefined
  readonly protocol: string
  readonly helo: string | undefined
}

/** What a stage came to, and how: for whoever asks later why. Published for each stage that asked anything. */
export interface PolicyVerdict extends PostigoEvent {
  readonly event: 'policy.verdict'
  readonly where: string
  readonly queueId: string | undefined
  readonly clientName: string
  readonly clientAddress: string
  readonly helo: string | undefined
  readonly sasl: string | undefined
  readonly sender: string | undefined
  readonly recipient: string | undefined
  /** `554 5.7.1 …`; undefined: the session goes on. */
  readonly reply: string | undefined
  readonly effects: readonly Effect[]
  readonly path: readonly PathStep[]
}

/** Something the postmaster should mend, met while evaluating; each text once in a while. */
export interface PolicyWarning extends PostigoEvent {
  readonly event: 'policy.warning'
  readonly text: string
  /** Only to be known. */
  readonly info?: true
}

/** What comes of asking. `reply` undefined: go on. */
export interface Verdict {
  readonly reply: Reply | undefined
  /** The client is to be disconnected after the reply (521/421 of access tables). */
  readonly disconnect?: boolean
  /** What access actions asked for on the message. */
  readonly effects: readonly Effect[]
  readonly path: readonly PathStep[]
}

/** Bound to one listener's settings (master.cf's -o). */
export interface Policy {
  /** A fresh memory for one connection. */
  session(): PolicyMemory
  /** Each is asked at its stage; with smtpd_delay_reject, the earlier stages' lists are evaluated in `rcpt`. */
  connect(facts: SessionFacts): Promise<Verdict>
  helo(facts: SessionFacts): Promise<Verdict>
  mail(facts: SessionFacts): Promise<Verdict>
  rcpt(facts: SessionFacts): Promise<Verdict>
  /** Where mail for an accepted recipient goes on: the sender of our probes loses its time. */
  recipientOf(address: string): string
  data(facts: SessionFacts): Promise<Verdict>
  endOfData(facts: SessionFacts): Promise<Verdict>
  etrn(facts: SessionFacts, domain: string): Promise<Verdict>
  vrfy(facts: SessionFacts): Promise<Verdict>
  /** mynetworks: decides what XVERP, header rewriting and the like ask. */
  isMyNetwork(client: { readonly name: string; readonly address: string }): Promise<boolean>
  /** local_header_rewrite_clients: whether the headers of this client's messages are rewritten as this host's. */
  rewritesHeaders(facts: SessionFacts): Promise<boolean>
}
