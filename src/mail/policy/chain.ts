/**
 * Restriction lists: from text to steps, once, and from steps to an outcome, each time. SMTPD_ACCESS_README.
 */
import type { Evaluation, Outcome, Subject } from './evaluation.ts'
import { notePermit, permitted } from './permit-log.ts'
import { checkAccess } from './access.ts'
import { listWords } from './words.ts'
import { restrictions, type Restriction } from './restrictions.ts'

export interface Step {
  /** As written: `reject_unknown_client`. */
  readonly rule: string
  readonly argument: string
  /** warn_if_reject stands before it. */
  readonly warn: boolean
  readonly kind: 'restriction' | 'class' | 'table' | 'fault'
  readonly restriction?: Restriction
}

export type Chain = readonly Step[]

/** Lists in lists: classes and access tables that name lists. */
const MAX_DEPTH = 100

/** Never throws: what cannot be understood becomes a step that answers 451 4.3.5 when it is reached, as in Postfix. */
export function compile(words: readonly string[], isClass: (name: string) => boolean): Chain {
  const chain: Step[] = []
  let warn = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    const name = word.toLowerCase()
    if (name === 'warn_if_reject') {
      warn = true
      continue
    }
    const restriction = restrictions.get(name)
    if (restriction !== undefined) {
      const argument = restriction.argument === 'none' ? '' : words[++i]
      chain.push(withArgument({ rule: word, warn }, restriction, argument))
    } else if (isClass(word)) chain.push({ rule: word, argument: '', warn, kind: 'class' })
    else if (word.includes(':')) chain.push({ rule: word, argument: word, warn, kind: 'table' })
    else chain.push({ rule: word, argument: `unknown smtpd restriction: "${word}"`, warn, kind: 'fault' })
    warn = false
  }
  return chain
}

function withArgument(
  base: { readonly rule: string; readonly warn: boolean },
  restriction: Restriction,
  argument: string | undefined,
): Step {
  const fault = (text: string): Step => ({ ...base, argument: text, kind: 'fault' })
  const given = argument ?? ''
  if (restriction.argument === 'table' && !given.includes(':'))
    return fault(`restriction ${base.rule}: bad argument "${given}": need maptype:mapname`)
  if (restriction.argument === 'server' && !given.includes(':'))
    return fault(`restriction ${base.rule} must be followed by transport:server`)
  if (restriction.argument === 'number' && !/^\d+$/.test(given))
    return fault(`restriction ${base.rule} must be followed by number`)
  return { ...base, argument: given, kind: 'restriction', restriction }
}

/** A named list in its place: classes by name, compiled on first use. */
export class Lists {
  readonly #classes: ReadonlyMap<string, string>
  readonly #chains = new Map<string, Chain>()

  /** @param classes definitions of smtpd_restriction_classes by name */
  constructor(classes: ReadonlyMap<string, string>) {
    this.#classes = classes
  }

  compile(text: string): Chain {
    return compile(listWords(text), (name) => this.#classes.has(name) || name.toLowerCase() in BUILT_IN)
  }

  /** The list that an access table's entry or a class name stands for. */
  chainOf(text: string): Chain {
    let chain = this.#chains.get(text)
    if (chain === undefined) {
      if (this.#chains.size >= MAX_CHAINS) this.#chains.clear()
      this.#chains.set(text, (chain = this.compile(text)))
    }
    return chain
  }

  async run(ev: Evaluation, chain: Chain, subject: Subject): Promise<Outcome> {
    if (ev.depth >= MAX_DEPTH) ev.misconfigured(`restriction lists nest more than ${MAX_DEPTH} deep`)
    ev.depth++
    let outcome: Outcome = 'dunno'
    for (let i = 0; i < chain.length && outcome === 'dunno' && !ev.discarding; i++) {
      const step = chain[i]
      if (step === undefined) break
      const outer = ev.warning
      ev.warning ||= step.warn
      const answer = this.#ask(ev, step, chain.slice(i + 1), subject)
      outcome = typeof answer === 'string' ? answer : await answer
      if (
        outcome === 'ok' &&
        step.kind === 'restriction' &&
        ev.rules.permitLog !== undefined &&
        /^permit/i.test(step.rule)
      )
        await notePermit(ev, step.rule, permitted(ev, step.rule, subject))
      ev.warning = outer
      ev.step(step.rule, step.argument, outcome)
      if (ev.deferIfPermit !== undefined && ev.deferIfReject !== undefined) break
    }
    ev.depth--
    return outcome
  }

  #ask(ev: Evaluation, step: Step, following: Chain, subject: Subject): Outcome | Promise<Outcome> {
    switch (step.kind) {
      case 'fault':
        return ev.misconfigured(step.argument)
      case 'class': {
        const text = this.#classes.get(step.rule) ?? BUILT_IN[step.rule.toLowerCase()] ?? ''
        return this.run(ev, this.chainOf(text), subject)
      }
      case 'table': {
        if (subject.defaultAccess === undefined)
          return ev.misconfigured(`specify one of the check_*_access restrictions before ${step.rule}`)
        return checkAccess(subject.defaultAccess, { ev, lists: this, argument: step.argument, following, subject })
      }
      case 'restriction':
        return step.restriction?.check({ ev, lists: this, argument: step.argument, following, subject }) ?? 'dunno'
      default:
        return step.kind satisfies never
    }
  }
}

/** Lists by access tables' entries that are kept compiled. */
const MAX_CHAINS = 1000

/** Restrictions that are made of others. */
const BUILT_IN: Readonly<Record<string, string>> = {
  reject_sender_login_mismatch:
    'reject_authenticated_sender_login_mismatch reject_unauthenticated_sender_login_mismatch',
}
