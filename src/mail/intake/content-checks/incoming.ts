/** The checks of one message that comes in: what intake does with them, and what the log tells. */
import { publish } from '#src/base/mod.ts'
import type { Reply } from '../../../formats/smtp/mod.ts'
import type { Arrival } from '../contract.ts'
import type { IntakeEvent } from '../events.ts'
import type { Field } from '../head.ts'
import { DISALLOWED } from './characters.ts'
import { ContentFilter, logged } from './content-filter.ts'
import type { CheckReport, ContentChecks, MessageEffect } from './contract.ts'

/** Of whom a line of the log speaks. */
export interface Incoming {
  readonly queueId: string
  readonly arrival: Arrival
  readonly sender: string
  readonly recipient: string
}

export class IncomingChecks {
  readonly #filter: ContentFilter

  constructor(checks: ContentChecks, incoming: Incoming) {
    this.#filter = new ContentFilter(checks, reportOf(incoming))
  }

  get effects(): readonly MessageEffect[] {
    return this.#filter.effects
  }

  get refusal(): Reply | undefined {
    return this.#filter.refusal
  }

  /** The header section, trace fields in front: what is left of it. */
  async head(fields: readonly Field[], separated: boolean): Promise<Field[]> {
    const left: Field[] = []
    for (const field of fields) left.push(...(await this.#filter.field(field)))
    this.#filter.endHead(separated)
    return left
  }

  body(chunk: Buffer): Buffer | Promise<Buffer> {
    return this.#filter.body(chunk)
  }

  end(): Buffer | Promise<Buffer> {
    return this.#filter.end()
  }
}

/** A rejected octet was found: in which line. */
export function reportCharacter(line: Buffer, incoming: Incoming): void {
  const { enhanced, lines } = DISALLOWED
  reportOf(incoming).log('reject', 'content', logged(line), `${enhanced} ${lines[0]}`)
}

function reportOf({ queueId, arrival, sender, recipient }: Incoming): CheckReport {
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
