/** A message passes its filters: what they say, what they change, and what the log tells. Postfix: cleanup_milter_inspect. */
import { publish } from '#src/base/mod.ts'
import { type Envelope, printReply, type Reply } from '../../formats/smtp/mod.ts'
import type { Draft } from '../../io/blobs/mod.ts'
import { ContentFilter } from './content-checks/content-filter.ts'
import type { ContentChecks } from './content-checks/contract.ts'
import { type Incoming, reportOf } from './content-checks/incoming.ts'
import type { Effect } from './contract.ts'
import type { IntakeEvent } from './events.ts'
import { type FieldChecks, MessageInFilters } from './filtered-message.ts'
import type { Inspected, MessageFilters } from './filters.ts'
import type { Field } from './head.ts'
import type { IntakeDeps } from './intake.ts'

interface Filtering<F> {
  readonly queueId: string
  readonly envelope: Envelope
  readonly draft: Draft
  /** This host's trace field. */
  readonly own: Buffer
  readonly deps: IntakeDeps<F>
  /** Of whom the log speaks. */
  readonly whom: Incoming
}

export interface Filtered<F = unknown> {
  readonly envelope: Envelope
  readonly effects: readonly Effect[]
  /** Why the message is not taken; it has been told. */
  readonly reply?: Reply
  /** What takes the content's place; undefined: it stays as it is. */
  readonly content?: {
    readonly draft: Draft
    readonly analyser: { push(chunk: Buffer): void; end(): F }
    readonly fields: readonly Field[]
  }
}

export async function passFilters<F>(filters: MessageFilters, filtering: Filtering<F>): Promise<Filtered<F>> {
  const { deps, envelope, draft, whom } = filtering
  const checks = deps.milterChecks === undefined ? undefined : new MadeFields(deps.milterChecks, whom)
  const message = new MessageInFilters({
    ...filtering,
    sender: envelope.sender === '' ? '' : await deps.router.canonicalSender(envelope.sender),
    checks,
    sizeLimit: deps.cf.message_size_limit,
    newDraft: () => deps.log.draft(),
  })
  try {
    const inspected = await filters.inspect(message)
    const found = checks?.effects ?? []
    // A refusal by milter_header_checks has been told, and is final.
    const reply = checks?.refusal ?? (inspected && heed(inspected, whom))
    if (reply !== undefined) return { envelope, effects: [], reply }
    const effects: Effect[] = [...found]
    const action = inspected?.verdict.action
    if (action === 'hold' || action === 'discard') effects.push({ action })
    if (!message.edited || effects.some((e) => e.action === 'discard')) return { envelope: message.envelope, effects }
    return { envelope: message.envelope, effects, content: await rewritten(message, draft.size, deps) }
  } finally {
    message.discard()
  }
}

async function rewritten<F>(
  message: MessageInFilters,
  sizeHint: number,
  { log, analyser: makeAnalyser }: IntakeDeps<F>,
): Promise<NonNullable<Filtered<F>['content']>> {
  const draft = log.draft(sizeHint)
  try {
    const analyser = makeAnalyser()
    for (const chunk of message.content()) {
      analyser.push(chunk)
      await draft.write(chunk)
    }
    return { draft, analyser, fields: message.allFields }
  } catch (error) {
    draft.discard()
    throw error
  }
}

/** Tells of a verdict; answers the reply where it is a refusal. */
function heed({ where, verdict }: Inspected, { queueId, arrival, sender, recipient }: Incoming): Reply | undefined {
  const reply = verdict.action === 'reject' ? verdict.reply : undefined
  const { clientName, clientAddress, protocol, helo } =
    arrival.origin === 'smtp'
      ? arrival
      : { clientName: 'localhost', clientAddress: '127.0.0.1', protocol: '', helo: '' }
  publish<IntakeEvent>({
    event: 'intake.filtered',
    queueId,
    action: verdict.action,
    where,
    client: `${clientName}[${clientAddress}]`,
    // Without the code, as cleanup has it.
    text:
      reply === undefined
        ? `milter triggers ${verdict.action.toUpperCase()} action`
        : printReply(reply).trimEnd().slice(4),
    sender,
    recipient,
    protocol,
    helo,
  })
  return reply
}

/** milter_header_checks: fields that a milter made, each by itself. */
class MadeFields implements FieldChecks {
  readonly #filter: ContentFilter

  constructor(checks: ContentChecks, whom: Incoming) {
    const report = reportOf(whom)
    this.#filter = new ContentFilter(checks, {
      ...report,
      log(action, place, content, text) {
        if (action === 'prepend') report.warn('the milter_header/body_checks prepend action is not implemented')
        else report.log(`milter-${place}-${action}`, place, content, text)
      },
    })
  }

  get effects(): readonly Effect[] {
    return this.#filter.effects
  }
  get refusal(): Reply | undefined {
    return this.#filter.refusal
  }

  /** Without what PREPEND would put in front of it. */
  async field(field: Field): Promise<readonly Field[]> {
    return (await this.#filter.field(field)).filter(({ name }) => name !== '')
  }
}
