/** One message on its way in: octets to the log and to the analyser, then the plan, then one commit. */
import { isAscii } from 'node:buffer'
import { publish } from '#src/base/mod.ts'
import type { Envelope, EnvelopeRecipient, Reply } from '../../formats/smtp/mod.ts'
import { type Draft, LogBrokenError, LogFullError } from '../../io/blobs/mod.ts'
import { blindCopies } from './blind-copies.ts'
import { clientOf } from './client.ts'
import type { Arrival, Effect, MailboxSubmission, OpenOptions } from './contract.ts'
import { planMailboxes, repliesOf } from './deliver.ts'
import type { IntakeEvent } from './events.ts'
import { quote } from '../routing/mod.ts'
import { type Incoming, IncomingChecks } from './content-checks/incoming.ts'
import { type Filtered, passFilters } from './filtering.ts'
import { type Field, HEAD_LIMIT, headEnd, missingFields, readHead, valueOf, withMailboxLines } from './head.ts'
import type { IntakeDeps } from './intake.ts'
import { makePlan } from './plan.ts'
import { type Applied, applyPlan, encodePlan, type Plan } from './record.ts'
import { detectsUtf8, utf8ClassOf } from './smtputf8.ts'
import { tellKept } from './tell.ts'
import { prepended, received } from './trace.ts'

const CRLF = Buffer.from('\r\n')
const EMPTY = Buffer.alloc(0)

export class IntakeSubmission<F> implements MailboxSubmission {
  readonly queueId: string
  readonly #deps: IntakeDeps<F>
  readonly #arrival: Arrival
  readonly #options: OpenOptions
  readonly #arrivalMs: number
  #draft: Draft
  #analyser: { push(chunk: Buffer): void; end(): F }
  readonly #startMs: number
  /** undefined where none are configured. */
  readonly #checks: IncomingChecks | undefined
  /** The header section as far as it has come; undefined once it has been passed on. */
  #head: Buffer[] | undefined = []
  #headOctets = 0
  #octets = 0
  #messageId = ''
  #headerUtf8 = false
  readonly #deliveredTo = new Set<string>()
  #problem: Reply | undefined

  constructor(deps: IntakeDeps<F>, arrival: Arrival, options: OpenOptions & { readonly queueId: string }) {
    this.#deps = deps
    this.#arrival = arrival
    this.#options = options
    this.queueId = options.queueId
    this.#arrivalMs = options.arrivalMs ?? deps.clock.now()
    this.#startMs = deps.clock.now()
    this.#draft = deps.log.draft(options.sizeHint)
    this.#analyser = deps.analyser()
    const { content, characters } = deps
    const looks = this.#isLookedAt && (content ?? characters) !== undefined
    this.#checks = looks ? new IncomingChecks(content, characters, () => this.#incoming()) : undefined
  }

  /** What bounces and forwards make is not, unless internal_mail_filter_classes says so. */
  get #isLookedAt(): boolean {
    const { origin, mailClass } = this.#arrival
    if (origin !== 'internal') return true
    return mailClass !== undefined && this.#deps.cf.internal_mail_filter_classes.includes(mailClass)
  }

  get sizeOctets(): number {
    return this.#octets
  }

  write(chunk: Buffer): void | Promise<void> {
    this.#octets += chunk.length
    if (this.#problem !== undefined) return undefined
    return this.#take(this.#checks === undefined ? chunk : this.#checks.take(chunk))
  }

  #take(chunk: Buffer): void | Promise<void> {
    if (this.#head === undefined) return this.#passBody(chunk)
    this.#head.push(chunk)
    this.#headOctets += chunk.length
    const seen = this.#head.length === 1 ? chunk : Buffer.concat(this.#head)
    if (headEnd(seen) < 0 && this.#headOctets < HEAD_LIMIT) {
      this.#head = [seen]
      return undefined
    }
    return this.#passHead(seen)
  }

  finish(envelope: Envelope, effects: readonly Effect[] = []): Promise<Reply> {
    return this.#ending(
      async () => {
        const unfit = await this.#complete()
        if (unfit !== undefined) return unfit
        const found = this.#checks?.effects ?? []
        if (found.some((e) => e.action === 'discard')) return this.#queued()
        const all = [...this.#options.effects, ...found, ...effects]
        if (all.some((e) => e.action === 'discard')) return this.#discard(envelope)
        const filtered = await this.#filtered(envelope)
        if (filtered.reply !== undefined) return filtered.reply
        if (filtered.effects.some((e) => e.action === 'discard')) return this.#queued()
        const facts = this.#analyser.end()
        const body = this.#bodyType(filtered.envelope, facts)
        const plan = await this.#plan({ ...filtered.envelope, body }, [...all, ...filtered.effects], envelope)
        const problem = this.#allOverQuota(plan)
        if (problem !== undefined) return this.#refuse(envelope, problem)
        await this.#commit(plan, facts)
        return this.#queued()
      },
      (reply) => reply,
    )
  }

  deliver(envelope: Envelope): Promise<readonly Reply[]> {
    const toAll = (reply: Reply): readonly Reply[] => envelope.recipients.map(() => reply)
    return this.#ending(async () => {
      const unfit = await this.#complete()
      if (unfit !== undefined) return toAll(unfit)
      const facts = this.#analyser.end()
      const { router, hasRoom } = this.#deps
      const known = { queueId: this.queueId, arrivalMs: this.#arrivalMs, sizeOctets: this.#draft.size, envelope }
      const planned = await planMailboxes(known, router, hasRoom)
      if (planned.plan.deposits.length === 0) return repliesOf(planned, [])
      const { deposited } = await this.#commit(planned.plan, facts)
      return repliesOf(planned, deposited)
    }, toAll)
  }

  /** The end of a message, whatever comes out. */
  async #ending<R>(end: () => Promise<R>, said: (reply: Reply) => R): Promise<R> {
    try {
      return await end()
    } catch (error) {
      if (error instanceof LogBrokenError) throw error // rule 4 of the log: nobody may be told anything
      return said(this.#failed(error))
    } finally {
      this.#draft.discard()
    }
  }

  /** Passes on what is left of the content. Answers what is wrong with the message, told by what found it. */
  async #complete(): Promise<Reply | undefined> {
    this.#problem ??= this.#checks?.refusal
    if (this.#head !== undefined && this.#problem === undefined) await this.#passHead(Buffer.concat(this.#head), true)
    if (this.#checks !== undefined) await this.#passChecked(await this.#checks.end())
    return this.#problem
  }

  abort(): void {
    this.#draft.discard()
  }

  /** Filters see the message; what they changed of it takes its place. */
  async #filtered(envelope: Envelope): Promise<Filtered> {
    const { filters = this.#isLookedAt && this.#arrival.origin !== 'smtp' ? this.#deps.localFilters : undefined } =
      this.#options
    if (filters === undefined) return { envelope, effects: [] }
    const filtered = await passFilters(filters, {
      queueId: this.queueId,
      envelope,
      draft: this.#draft,
      own: Buffer.from(this.#received()),
      deps: this.#deps,
      whom: await this.#incoming(envelope.recipients.at(-1)?.address),
    })
    const { content } = filtered
    if (content === undefined) return filtered
    const { draft, fields } = content
    this.#draft.discard()
    this.#draft = draft
    this.#analyser = content.analyser
    this.#headerUtf8 = !fields.every(({ raw }) => isAscii(raw))
    this.#deliveredTo.clear()
    for (const field of fields) if (field.name === 'delivered-to') this.#note(field)
    return filtered
  }

  #pass(chunk: Buffer): void | Promise<void> {
    this.#analyser.push(chunk)
    try {
      return this.#draft.write(chunk)
    } catch (error) {
      this.#problem = this.#failed(error)
      return undefined
    }
  }

  #passBody(chunk: Buffer): void | Promise<void> {
    const left = this.#checks === undefined ? chunk : this.#checks.body(chunk)
    return left instanceof Promise ? left.then((octets) => this.#passChecked(octets)) : this.#pass(left)
  }

  #passChecked(octets: Buffer): void | Promise<void> {
    this.#problem ??= this.#checks?.refusal
    return octets.length === 0 || this.#problem !== undefined ? undefined : this.#pass(octets)
  }

  async #incoming(recipient: string = this.#options.firstRecipient): Promise<Incoming> {
    const { sender = '' } = this.#options
    return {
      queueId: this.queueId,
      arrival: this.#arrival,
      sender: sender === '' ? '' : await this.#deps.router.canonicalSender(sender),
      recipient,
    }
  }

  /** Trace fields, then the message's own; dropped ones go, missing ones come; then what followed. */
  async #passHead(octets: Buffer, isAll = false): Promise<void> {
    this.#head = undefined
    const seen = withMailboxLines(octets)
    const { cf } = this.#deps
    const { fields, bodyAt, separated } = readHead(seen, cf)
    const trace = Buffer.from(prepended(this.#options) + this.#received())
    // Postfix counts its own Received field too.
    if (fields.filter((field) => field.name === 'received').length + 1 >= cf.hopcount_limit) {
      publish<IntakeEvent>({ event: 'intake.warning', text: `${this.queueId}: message rejected: hopcount exceeded` })
      this.#problem = { code: 554, enhanced: '5.4.0', lines: ['Error: too many hops'] }
      return
    }
    const checked = await this.#checks?.head(readHead(trace, cf).fields, fields, separated)
    const all = checked ?? fields
    for (const field of all) this.#note(field)
    const drop = new Set(cf.message_drop_headers.map((name) => name.toLowerCase()))
    let kept = all.filter((field) => !drop.has(field.name))
    if (this.#arrival.rewriteHeaders) kept = await this.#rewrite(kept, 'local')
    else if (cf.remote_header_rewrite_domain !== '') kept = await this.#rewrite(kept, 'remote')
    const missing = await this.#missing(kept)
    const rest = bodyAt < seen.length ? seen.subarray(bodyAt) : EMPTY
    const body = this.#checks === undefined ? rest : await this.#checks.body(rest)
    this.#problem ??= this.#checks?.refusal
    const header = Buffer.concat([
      ...(checked === undefined ? [trace] : []),
      ...kept.map((field) => field.raw),
      ...missing.map((line) => Buffer.from(line + '\r\n')),
    ])
    this.#headerUtf8 = !isAscii(header)
    await this.#pass(Buffer.concat([header, ...(separated || rest.length > 0 || !isAll ? [CRLF] : []), body]))
  }

  #note(field: Field): void {
    if (field.name === 'message-id') this.#messageId = valueOf(field)
    else if (field.name === 'delivered-to') this.#deliveredTo.add(valueOf(field).toLowerCase())
  }

  async #rewrite(fields: readonly Field[], context: 'local' | 'remote'): Promise<Field[]> {
    const rewritten: Field[] = []
    for (const field of fields) {
      const raw = this.#deps.rewriteField(field, context)
      rewritten.push({ name: field.name, raw: Buffer.isBuffer(raw) ? raw : await raw })
    }
    return rewritten
  }

  async #missing(fields: readonly Field[]): Promise<string[]> {
    const { cf, date, router } = this.#deps
    const addMissing = this.#arrival.rewriteHeaders || cf.always_add_missing_headers
    const { sender = '' } = this.#options
    const lines = missingFields(fields, {
      addMissing,
      sender: addMissing && sender !== '' ? quote(await router.canonicalSender(sender)) : sender,
      fullName: this.#options.fullName ?? '',
      fromFormat: cf.header_from_format,
      charset: cf.full_name_encoding_charset,
      queueId: this.queueId,
      hostname: cf.myhostname,
      date: date(this.#arrivalMs),
      stamp: new Date(this.#arrivalMs).toISOString().replace(/\D/g, '').slice(0, 14),
      undisclosedRecipientsHeader: cf.undisclosed_recipients_header,
    })
    const made = lines.find((line) => /^Message-Id:/i.test(line))
    if (made !== undefined) this.#messageId = made.slice(made.indexOf(':') + 1).trim()
    return lines
  }

  #received(): string {
    const { queueId } = this
    return received(this.#deps, this.#arrival, { ...this.#options, queueId, arrivalMs: this.#arrivalMs })
  }

  /** Postfix: a part that says it is 8-bit outweighs what the client said. */
  #bodyType({ body }: Envelope, facts: F): Envelope['body'] {
    const { cf, says8bit } = this.#deps
    if (body === '8BITMIME' || !cf.detect_8bit_encoding_header) return body
    return says8bit(facts, !cf.disable_mime_input_processing) ? '8BITMIME' : body
  }

  /** @param given the envelope before filters changed it: blind copies are made of that */
  #plan(envelope: Envelope, effects: readonly Effect[], given: Envelope): Promise<Plan> {
    const { router, hasRoom, atOnce, cf, queueIds, clock, contentFilter } = this.#deps
    const input = {
      queueId: this.queueId,
      arrivalMs: this.#arrivalMs,
      sizeOctets: this.#draft.size,
      envelope,
      effects,
      headerUtf8: this.#headerUtf8,
      detectsUtf8: detectsUtf8(cf.smtputf8_autodetect_classes, utf8ClassOf(this.#arrival)),
      saslUsername: this.#arrival.saslUsername ?? '',
      client: clientOf(this.#arrival),
      trace: this.#options.trace,
      completes: this.#options.completes,
      deliveredTo: this.#deliveredTo,
      enableOriginalRecipient: cf.enable_original_recipient,
      copies: (sender: string) => this.#copies(sender, given),
      filtering: { contentFilter: this.#arrival.origin === 'internal' ? '' : contentFilter, cf },
      atOnce,
      newQueueId: () => queueIds.next(clock.now()),
    }
    return makePlan(input, router, hasRoom)
  }

  /** Not of what this host sends itself: a report of a copy would be copied. */
  async #copies(sender: string, { recipients }: Envelope): Promise<readonly EnvelopeRecipient[]> {
    const { cf, router, automaticBcc } = this.#deps
    return automaticBcc && this.#arrival.origin !== 'internal' ? blindCopies(sender, recipients, cf, router) : []
  }

  /** Where nobody could take it, the client is told now instead of by a bounce. */
  #allOverQuota(plan: Plan): Reply | undefined {
    if (this.#arrival.origin !== 'smtp') return undefined // there is nobody who could be told
    const nobody = plan.deposits.length === 0 && plan.forwarded === undefined && plan.queued.length > 0
    return nobody && plan.queued.every((r) => r.transport === 'error' && r.nexthop.startsWith('5.2.2'))
      ? { code: 452, enhanced: '4.2.2', lines: ['Mailbox full'] }
      : undefined
  }

  async #commit(plan: Plan, facts: F): Promise<Applied> {
    const { log, store, queue, clock } = this.#deps
    const commitStartedMs = clock.now()
    const id = this.#draft.id
    const applied = await log.commit('mail', this.#draft, encodePlan(plan), (tx, at) =>
      applyPlan(plan, { store, queue }, tx, { id, at, facts }),
    )
    tellKept(plan, applied, {
      messageId: this.#messageId,
      sizeOctets: this.#draft.size,
      startedMs: this.#startMs,
      commitStartedMs,
      nowMs: clock.now(),
    })
    if (applied.queued > 0 || plan.forwarded !== undefined) this.#deps.onQueued()
    return applied
  }

  #refuse({ sender }: Envelope, reply: Reply): Reply {
    publish<IntakeEvent>({ event: 'intake.refused', queueId: this.queueId, sender, text: reply.lines.join(' ') })
    return reply
  }

  #discard({ sender }: Envelope): Reply {
    publish<IntakeEvent>({ event: 'intake.discarded', queueId: this.queueId, sender, text: 'triggered DISCARD action' })
    return this.#queued()
  }

  #queued(): Reply {
    return { code: 250, enhanced: '2.0.0', lines: [`Ok: queued as ${this.queueId}`] }
  }

  #failed(error: unknown): Reply {
    const full = error instanceof LogFullError
    const text = error instanceof Error ? error.message : String(error)
    publish<IntakeEvent>({ event: 'intake.failed', queueId: this.queueId, text, full })
    return full
      ? { code: 452, enhanced: '4.3.1', lines: ['Insufficient system storage'] }
      : { code: 451, enhanced: '4.3.0', lines: ['Error: queue file write error'] }
  }
}
