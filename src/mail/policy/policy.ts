/**
 * The policy of one listener: its lists, asked stage by stage.
 */
import { refuseUnlisted } from './addresses.ts'
import { compile, Lists, type Chain } from './chain.ts'
import { listWords } from './words.ts'
import type { Policy, PolicyMemory, SessionFacts, Verdict } from './contract.ts'
import { Evaluation, Stopped, type Deferral, type Outcome, type ReplyClass } from './evaluation.ts'
import { ProbeSender } from './probe-sender.ts'
import { recipientRestrictions } from './relay-guard.ts'
import { publishVerdict } from './publish-verdict.ts'
import { restrictions } from './restrictions.ts'
import { Rules, type PolicyDeps } from './rules.ts'

export function createPolicy(deps: PolicyDeps): Policy {
  return new ListenerPolicy(deps)
}

/** What earlier stages leave for later ones: a refusal held back, and DISCARD for the rest of a message. */
class Memory implements PolicyMemory {
  readonly policyMemory = true
  client: Deferral | undefined
  helo: Deferral | undefined
  sender: Deferral | undefined
  discarding = false
}

type Stage = 'client' | 'helo' | 'sender' | 'relay' | 'recipient' | 'data' | 'endOfData' | 'etrn'

/** The lists by name, as headings of the recorded path. */
const LISTS: Readonly<Record<Stage, string>> = {
  client: 'smtpd_client_restrictions',
  helo: 'smtpd_helo_restrictions',
  sender: 'smtpd_sender_restrictions',
  relay: 'smtpd_relay_restrictions',
  recipient: 'smtpd_recipient_restrictions',
  data: 'smtpd_data_restrictions',
  endOfData: 'smtpd_end_of_data_restrictions',
  etrn: 'smtpd_etrn_restrictions',
}

class ListenerPolicy implements Policy {
  readonly #rules: Rules
  readonly #lists: Lists
  readonly #chains: Readonly<Record<Stage, Chain>>
  readonly #rewriteClients: Chain
  readonly #prober: ProbeSender

  constructor(deps: PolicyDeps) {
    const rules = new Rules(deps)
    this.#rules = rules
    const { cf } = rules
    const classes = listWords(cf.smtpd_restriction_classes).map((c) => [c, deps.config.value(c) ?? ''] as const)
    this.#lists = new Lists(new Map(classes))
    this.#chains = {
      client: this.#lists.compile(cf.smtpd_client_restrictions),
      helo: this.#lists.compile(cf.smtpd_helo_restrictions),
      sender: this.#lists.compile(cf.smtpd_sender_restrictions),
      relay: this.#lists.compile(cf.smtpd_relay_restrictions),
      recipient: this.#lists.compile(recipientRestrictions(deps.config)),
      data: this.#lists.compile(cf.smtpd_data_restrictions),
      endOfData: this.#lists.compile(cf.smtpd_end_of_data_restrictions),
      etrn: this.#lists.compile(cf.smtpd_etrn_restrictions),
    }
    this.#prober = new ProbeSender(cf, (address) => deps.router.standard(address))
    this.#rewriteClients = compile(listWords(cf.local_header_rewrite_clients), () => false)
  }

  session(): PolicyMemory {
    return new Memory()
  }

  async connect(facts: SessionFacts): Promise<Verdict> {
    if (this.#rules.cf.smtpd_delay_reject) return NOTHING
    return this.#evaluate(facts, 'CONNECT', (ev, memory) => this.#client(ev, memory))
  }

  async helo(facts: SessionFacts): Promise<Verdict> {
    if (this.#rules.cf.smtpd_delay_reject) return NOTHING
    const where = facts.protocol === 'ESMTP' ? 'EHLO' : 'HELO'
    return this.#evaluate(facts, where, (ev, memory) => this.#helo(ev, memory))
  }

  async mail(facts: SessionFacts): Promise<Verdict> {
    memoryOf(facts).discarding = false
    if (this.#rules.cf.smtpd_delay_reject) return NOTHING
    return this.#evaluate(facts, 'MAIL', (ev, memory) => this.#mail(ev, memory))
  }

  async rcpt(facts: SessionFacts): Promise<Verdict> {
    return this.#evaluate(facts, 'RCPT', (ev, memory) => this.#recipient(ev, memory))
  }

  recipientOf(address: string): string {
    return this.#prober.match(address, this.#rules.deps.clock.now()) ?? address
  }

  async vrfy(facts: SessionFacts): Promise<Verdict> {
    return this.#evaluate(facts, 'VRFY', (ev, memory) => this.#recipient(ev, memory))
  }

  async data(facts: SessionFacts): Promise<Verdict> {
    return this.#evaluate(ofAll(facts), 'DATA', (ev) => this.#atEnd(ev, 'data', 'DATA', 'Data command'))
  }

  async endOfData(facts: SessionFacts): Promise<Verdict> {
    const all = ofAll(facts)
    return this.#evaluate(all, 'END-OF-MESSAGE', (ev) => this.#atEnd(ev, 'endOfData', 'END-OF-MESSAGE', 'End-of-data'))
  }

  async etrn(facts: SessionFacts, domain: string): Promise<Verdict> {
    return this.#evaluate(facts, 'ETRN', (ev, memory) => this.#etrn(ev, memory, domain), domain)
  }

  async isMyNetwork(client: { readonly name: string; readonly address: string }): Promise<boolean> {
    return (await this.#rules.mynetworks(client)) !== undefined
  }

  async rewritesHeaders(facts: SessionFacts): Promise<boolean> {
    const ev = new Evaluation(facts, this.#rules, 'RCPT')
    const subject = { name: ev.client, replyClass: 'Client host', defaultAccess: undefined } as const
    for (const step of this.#rewriteClients) {
      const isTable = step.kind === 'table' || step.rule.toLowerCase() === 'check_address_map'
      if (isTable) {
        if ((await this.#rules.tables.open(step.argument).get(facts.client.address)) !== undefined) return true
      } else if (/^permit_/i.test(step.rule) && step.restriction !== undefined) {
        const ask = { ev, lists: this.#lists, argument: step.argument, following: [], subject }
        if ((await step.restriction.check(ask)) === 'ok') return true
      }
    }
    return false
  }

  async #evaluate(
    facts: SessionFacts,
    where: string,
    stages: (ev: Evaluation, memory: Memory) => Promise<Outcome>,
    etrnDomain?: string,
  ): Promise<Verdict> {
    const memory = memoryOf(facts)
    const ev = new Evaluation(facts, this.#rules, where, etrnDomain)
    ev.discarding = memory.discarding
    await stages(ev, memory)
    memory.discarding = ev.discarding
    const { reply, effects, path } = ev
    // An accepted recipient may be the first of its message, which has no queue id before: smtpd tells of it.
    if (where !== 'RCPT' || reply !== undefined) publishVerdict(facts, where, ev)
    return ev.disconnect ? { reply, disconnect: true, effects, path } : { reply, effects, path }
  }

  async #client(ev: Evaluation, memory: Memory): Promise<Outcome> {
    const name = ev.client
    const outcome = await this.#run(ev, 'client', { name, replyClass: 'Client host' }, 'check_client_access')
    memory.client = ev.deferIfPermit
    return outcome
  }

  async #helo(ev: Evaluation, memory: Memory): Promise<Outcome> {
    const { helo } = ev.facts
    if (helo === undefined) return 'dunno'
    ev.deferIfPermit = memory.client
    const outcome = await this.#run(ev, 'helo', { name: helo, replyClass: 'Helo command' }, 'check_helo_access')
    memory.helo = ev.deferIfPermit
    return outcome
  }

  async #mail(ev: Evaluation, memory: Memory): Promise<Outcome> {
    const { sender } = ev.facts
    if (sender === undefined) return 'dunno'
    ev.deferIfPermit = memory.client ?? memory.helo
    const about = { name: sender, replyClass: 'Sender address' } as const
    let outcome = await this.#run(ev, 'sender', about, 'check_sender_access')
    memory.sender = ev.deferIfPermit
    if (outcome !== 'reject' && !ev.discarding && sender !== '' && this.#rules.cf.smtpd_reject_unlisted_sender)
      outcome = await guarded(() => refuseUnlisted(ev, sender, 'sender'))
    return outcome
  }

  async #recipient(ev: Evaluation, memory: Memory): Promise<Outcome> {
    const { recipient } = ev.facts
    if (recipient === undefined || this.#alwaysTaken(recipient)) return 'dunno'
    if (this.#rules.cf.smtpd_delay_reject) {
      if ((await this.#client(ev, memory)) === 'reject') return 'reject'
      if ((await this.#helo(ev, memory)) === 'reject') return 'reject'
      if ((await this.#mail(ev, memory)) === 'reject') return 'reject'
    }
    ev.deferIfPermit = memory.sender
    const order = ['recipient', 'relay'] as const
    const about = { name: recipient, replyClass: 'Recipient address' } as const
    for (const stage of this.#rules.cf.smtpd_relay_before_recipient_restrictions ? order.toReversed() : order)
      if ((await this.#run(ev, stage, about, 'check_recipient_access')) === 'reject') return 'reject'
    if (this.#held(ev) === 'reject') return 'reject'
    if (ev.discarding) return 'ok'
    const { smtpd_reject_unlisted_recipient: unlisted } = this.#rules.cf
    if (unlisted && (await guarded(() => refuseUnlisted(ev, recipient, 'recipient'))) === 'reject') return 'reject'
    return guarded(() => this.#full(ev, recipient))
  }

  /** RFC 5321 §4.5.1: postmaster without a domain is always reached; so is the sender of our own probes. */
  #alwaysTaken(recipient: string): boolean {
    if (recipient.toLowerCase() === 'postmaster') return true
    return this.#prober.match(recipient, this.#rules.deps.clock.now()) !== undefined
  }

  /** Differs from Postfix, which accepts and bounces: a mailbox without room is said at once, before the message. */
  async #full(ev: Evaluation, recipient: string): Promise<Outcome> {
    const { mailboxFull } = this.#rules.deps
    if (mailboxFull === undefined) return 'dunno'
    const all = await ev.orRetry(recipient, this.#rules.router.expand(recipient, ev.facts.sender))
    const [only] = all
    // One full mailbox behind a list is no reason to refuse the list.
    if (all.length !== 1 || only?.routed.account === undefined) return 'dunno'
    if (!(await mailboxFull(only.routed.account, ev.facts.sizeOctets))) return 'dunno'
    return ev.reject(452, '4.2.2', `<${recipient}>: Recipient address rejected: Mailbox full`)
  }

  async #etrn(ev: Evaluation, memory: Memory, domain: string): Promise<Outcome> {
    if (this.#rules.cf.smtpd_delay_reject) {
      if ((await this.#client(ev, memory)) === 'reject') return 'reject'
      if ((await this.#helo(ev, memory)) === 'reject') return 'reject'
    }
    ev.deferIfPermit = memory.client ?? memory.helo
    const about = { name: domain, replyClass: 'Etrn command' } as const
    const outcome = await this.#run(ev, 'etrn', about, 'check_etrn_access')
    return outcome === 'reject' ? outcome : this.#held(ev)
  }

  async #atEnd(ev: Evaluation, stage: Stage, name: string, replyClass: ReplyClass): Promise<Outcome> {
    const outcome = await this.#run(ev, stage, { name, replyClass }, undefined)
    return outcome === 'reject' ? outcome : this.#held(ev)
  }

  async #run(
    ev: Evaluation,
    stage: Stage,
    about: { readonly name: string; readonly replyClass: ReplyClass },
    defaultAccess: string | undefined,
  ): Promise<Outcome> {
    ev.depth = 0
    ev.warning = false
    ev.deferIfReject = undefined
    if (this.#chains[stage].length > 0) ev.step(LISTS[stage], about.name, '')
    return guarded(() => this.#lists.run(ev, this.#chains[stage], { ...about, defaultAccess }))
  }

  /** Permitted in the end, but something failed that might have refused. */
  #held(ev: Evaluation): Outcome {
    const held = ev.deferIfPermit
    ev.warning = false
    return held === undefined ? 'dunno' : ev.reject(held.code, held.status, held.text)
  }
}

const NOTHING: Verdict = { reply: undefined, effects: [], path: [] }

function memoryOf(facts: SessionFacts): Memory {
  return facts.memory instanceof Memory ? facts.memory : new Memory()
}

/** At DATA and the message's end there is one recipient to speak of, or none. */
function ofAll(facts: SessionFacts): SessionFacts {
  return facts.recipientCount > 1 ? { ...facts, recipient: undefined } : facts
}

/** A list that had to stop has set its reply. */
async function guarded(run: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof Stopped) return 'reject'
    throw error
  }
}

/** Whether there is a restriction of this name. */
export function isRestriction(name: string): boolean {
  return restrictions.has(name.toLowerCase()) || /^(warn_if_reject|reject_sender_login_mismatch)$/i.test(name)
}
