/**
 * One evaluation: the facts it is about, what has been decided so far, and the path that led there.
 */
import { publish } from '../../base/mod.ts'
import type { EnhancedStatus, Reply } from '../../formats/smtp/mod.ts'
import type { Effect } from '../intake/mod.ts'
import type { PathStep, Routed } from '../routing/mod.ts'
import type { PolicyEvent, SessionFacts } from './contract.ts'
import type { ListAnswer } from './dns-lists.ts'
import type { Rules } from './rules.ts'
import { statusOf } from './status.ts'

/** A restriction's answer: the list ends with ok or reject, and goes on with dunno. */
export type Outcome = 'ok' | 'reject' | 'dunno'

export type ReplyClass =
  | 'Client host'
  | 'Unverified Client host'
  | 'Client certificate'
  | 'SASL login name'
  | 'Helo command'
  | 'Sender address'
  | 'Recipient address'
  | 'Etrn command'
  | 'Data command'
  | 'End-of-data'

/** What a list is about: the words of its refusals, and the check that a bare table in it means. */
export interface Subject {
  readonly name: string
  readonly replyClass: ReplyClass
  readonly defaultAccess: string | undefined
}

/** A refusal held back: said if the end is otherwise. */
export interface Deferral {
  readonly code: number
  readonly status: EnhancedStatus
  readonly text: string
}

/** Ends all lists of the evaluation with the reply already set: nothing further may be concluded. */
export class Stopped extends Error {}

/** A text after the reply code and status is cut to this, as Postfix does. RFC 5321 §4.5.3.1.5. */
const MAX_TEXT = 500
/** Steps that are kept of a path; evaluation goes on. */
const MAX_PATH = 500

export class Evaluation {
  readonly facts: SessionFacts
  readonly rules: Rules
  /** `RCPT`, `CONNECT` …: the command that is being answered. */
  readonly where: string
  readonly etrnDomain: string | undefined
  reply: Reply | undefined
  disconnect = false
  readonly effects: Effect[] = []
  readonly path: PathStep[] = []
  deferIfPermit: Deferral | undefined
  deferIfReject: Deferral | undefined
  /** warn_if_reject holds for what is being asked. */
  warning = false
  /** DISCARD was said: nothing else matters. */
  discarding = false
  senderListed = false
  recipientListed = false
  depth = 0
  /** Questions to DNS lists under way or answered, by the name asked for. */
  readonly listQuestions = new Map<string, Promise<ListAnswer>>()
  readonly #resolved = new Map<string, Promise<Routed>>()

  constructor(facts: SessionFacts, rules: Rules, where: string, etrnDomain?: string) {
    this.facts = facts
    this.rules = rules
    this.where = where
    this.etrnDomain = etrnDomain
  }

  /** Who logged in. XCLIENT's LOGIN counts for nothing where nobody can log in. */
  get sasl(): SessionFacts['sasl'] {
    return this.rules.cf.smtpd_sasl_auth_enable ? this.facts.sasl : undefined
  }

  /** `name[address]` */
  get client(): string {
    return `${this.facts.client.name}[${this.facts.client.address}]`
  }

  step(rule: string, asked: string, answer: string): void {
    if (this.path.length < MAX_PATH) this.path.push({ rule, asked, answer })
  }

  /** Class and standard form of an address, once an evaluation. A table that cannot be asked ends it. */
  async resolve(address: string): Promise<Routed> {
    let resolving = this.#resolved.get(address)
    if (resolving === undefined) this.#resolved.set(address, (resolving = this.rules.router.resolve(address)))
    return this.orRetry(address, resolving)
  }

  /** Awaits a lookup; a table that cannot be asked is a temporary failure for the client. */
  async orRetry<T>(name: string, lookup: Promise<T>): Promise<T> {
    try {
      return await lookup
    } catch (error) {
      this.step('lookup', name, error instanceof Error ? error.message : String(error))
      this.rules.trouble(error)
      this.#refuse(451, '4.3.0', `<${name}>: Temporary lookup failure`)
      throw new Stopped()
    }
  }

  /** The configuration is at fault, not the client: 451 4.3.5, and warn_if_reject does not soften it. */
  misconfigured(text: string): never {
    this.step('configuration', '', text)
    this.rules.warn(text)
    this.#refuse(451, '4.3.5', 'Server configuration error')
    throw new Stopped()
  }

  /** Refuses, or only says so under warn_if_reject. The status takes the code's first digit. */
  reject(code: number, status: EnhancedStatus, text: string): Outcome {
    if (!this.warning) return this.#refuse(code, status, text)
    const reply = shaped(code, status, text, this.rules.cf.soft_bounce)
    this.note('reject_warning', `${reply.code} ${reply.enhanced} ${reply.lines[0]}`)
    this.step('warn_if_reject', '', `${reply.code} ${reply.enhanced} ${reply.lines[0]}`)
    return 'dunno'
  }

  #refuse(code: number, status: EnhancedStatus, text: string): Outcome {
    const held = this.deferIfReject
    // What failed before might have let the client in: the refusal may not be for good.
    if (held !== undefined && code >= 500 && code <= 599) {
      this.deferIfReject = undefined
      return this.#refuse(held.code, held.status, held.text)
    }
    this.reply = shaped(code, status, text, this.rules.cf.soft_bounce)
    // RFC 5321 §3.8 (421), RFC 7504 (521): the connection ends with these.
    this.disconnect = this.reply.code === 421 || this.reply.code === 521
    this.note('reject', `${this.reply.code} ${this.reply.enhanced} ${this.reply.lines[0]}`)
    return 'reject'
  }

  /** If the end is "permitted", the client gets this instead. Under warn_if_reject it is only said. */
  deferOnPermit(deferral: Deferral, action = 'defer_if_permit'): Outcome {
    if (this.warning || action === 'defer') return this.reject(deferral.code, deferral.status, deferral.text)
    this.deferIfPermit ??= deferral
    return 'dunno'
  }

  /** If the end is a refusal for good, the client gets this instead. */
  deferOnReject(deferral: Deferral): Outcome {
    this.deferIfReject ??= deferral
    return 'dunno'
  }

  /** What Postfix logs of access actions. */
  note(what: PolicyEvent['what'], text: string): void {
    const { client, sender, recipient, protocol, helo, queueId } = this.facts
    publish<PolicyEvent>({
      event: 'policy.action',
      what,
      where: this.where,
      queueId,
      clientName: client.name,
      clientAddress: client.address,
      text,
      sender,
      recipient,
      protocol,
      helo,
    })
  }
}

function shaped(code: number, status: EnhancedStatus, text: string, soft: boolean): Reply {
  // A code out of a table may be anything; the client must get one that it can act on.
  if (code < 400 || code > 599) return { code: 450, enhanced: '4.7.1', lines: ['Service unavailable'] }
  const said = soft && code >= 500 ? code - 100 : code
  return { code: said, enhanced: statusOf(said, status), lines: [printable(text).slice(0, MAX_TEXT)] }
}

/** A reply is one line. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ')
}
