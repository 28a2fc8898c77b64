/** The checks of one message that comes in: what intake does with them, and what the log tells. */
import { publish } from '#src/base/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import type { Arrival } from '../contract.ts'
import type { IntakeEvent } from '../events.ts'
import type { Field } from '../head.ts'
import { type Characters, DISALLOWED } from './characters.ts'
import { ContentFilter } from './content-filter.ts'
import type { CheckReport, ContentChecks, MessageEffect } from './contract.ts'
import { logged } from './refusals.ts'

const EMPTY = Buffer.alloc(0)

/** Of whom a line of the log speaks. */
export interface Incoming {
  readonly queueId: string
  readonly arrival: Arrival
  readonly sender: string
  readonly recipient: string
}

export class IncomingChecks {
  readonly #content: ContentChecks | undefined
  readonly #characters: Characters | undefined
  readonly #whom: () => Promise<Incoming>
  #filter: ContentFilter | undefined
  /** A line with an octet of message_reject_characters. */
  #disallowed: Buffer | undefined

  /** @param whom asked when there is something to tell or to look at */
  constructor(content: ContentChecks | undefined, characters: Characters | undefined, whom: () => Promise<Incoming>) {
    this.#content = content
    this.#characters = characters
    this.#whom = whom
  }

  get effects(): readonly MessageEffect[] {
    return this.#filter?.effects ?? []
  }

  get refusal(): Reply | undefined {
    return this.#disallowed === undefined ? this.#filter?.refusal : DISALLOWED
  }

  /** Octets of the message as they come, less those that are stripped; none where they are refused. */
  take(chunk: Buffer): Buffer {
    if (this.#characters === undefined) return chunk
    this.#disallowed ??= this.#characters.rejectedLine(chunk)
    return this.#disallowed === undefined ? this.#characters.strip(chunk) : EMPTY
  }

  /** The header section, trace fields in front: what is left of it; undefined: nobody looks at it. */
  async head(trace: readonly Field[], fields: readonly Field[], separated: boolean): Promise<Field[] | undefined> {
    if (this.#content === undefined) return undefined
    const filter = new ContentFilter(this.#content, reportOf(await this.#whom()))
    this.#filter = filter
    const left: Field[] = []
    for (const field of [...trace, ...fields]) left.push(...(await filter.field(field)))
    const added = await filter.endHead(separated)
    if (added.length > 0) left.push({ name: 'content-transfer-encoding', raw: added })
    return left
  }

  body(chunk: Buffer): Buffer | Promise<Buffer> {
    return this.#filter === undefined ? chunk : this.#filter.body(chunk)
  }

  /** What was still held. */
  async end(): Promise<Buffer> {
    if (this.#disallowed === undefined) return this.#filter === undefined ? EMPTY : this.#filter.end()
    const { enhanced, lines } = DISALLOWED
    reportOf(await this.#whom()).log('reject', 'content', logged(this.#disallowed), `${enhanced} ${lines[0]}`)
    return EMPTY
  }
}

/** Where checks of a message tell what they do. */
export function reportOf({ queueId, arrival, sender, recipient }: Incoming): CheckReport {
  const client = arrival.origin === 'smtp' ? `${arrival.clientName}[${arrival.clientAddress}]` : 'local'
  const { protocol, helo } = arrival.origin === 'smtp' ? arrival : { protocol: '', helo: '' }
  const common = { event: 'intake.check', queueId, client, sender, recipient, protocol, helo } as const
  const warn = (text: string): void => publish<IntakeEvent>({ event: 'intake.warning', text })
  return {
    log: (action, place, content, text) => publish<IntakeEvent>({ ...common, action, place, content, text }),
    mimeError: (text, content) =>
      publish<IntakeEvent>({ ...common, action: 'mime-error', place: 'content', content, text }),
    lookupFailed(list, text) {
      warn(text)
      warn(`${queueId}: ${list} map lookup problem -- message not accepted, try again later`)
    },
    warn,
  }
}
