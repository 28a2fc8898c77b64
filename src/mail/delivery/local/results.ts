/** One recipient, many deliveries: what is said of all together. */
import type { RecipientResult } from '../../queue/mod.ts'

export class Results {
  readonly #all: RecipientResult[] = []

  add(result: RecipientResult): void {
    this.#all.push(result)
  }

  /** Something has to be tried again: then everything is, as in Postfix. */
  get deferred(): boolean {
    return this.#all.some((r) => r.status === 'deferred')
  }

  /** The worst of them; the last that went well where all did. */
  get total(): RecipientResult {
    const worst =
      this.#all.find((r) => r.status === 'deferred') ??
      this.#all.find((r) => r.status === 'bounced') ??
      this.#all.at(-1)
    return worst ?? { status: 'sent', dsn: '2.0.0', text: 'delivered' }
  }
}
