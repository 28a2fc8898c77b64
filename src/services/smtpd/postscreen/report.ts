/** postscreen's lines in the log. */
import { publish } from '#src/base/mod.ts'
import type { Connection } from '../../../io/net/mod.ts'
import { type Table, TableError } from '../../../io/tables/mod.ts'
import type { SmtpdEvent } from '../events.ts'

export class Report {
  readonly #syslogName: string
  readonly #address: string
  readonly #port: number

  constructor(syslogName: string, { remote }: Pick<Connection, 'remote'>) {
    this.#syslogName = syslogName
    this.#address = remote.address
    this.#port = remote.port
  }

  /** `[address]:port` */
  get client(): string {
    return `[${this.#address}]:${this.#port}`
  }

  say(text: string, service: 'postscreen' | 'dnsblog' = 'postscreen'): void {
    publish<SmtpdEvent>({ event: 'smtpd.info', text, service, ...this.#who })
  }

  warn(text: string): void {
    publish<SmtpdEvent>({ event: 'smtpd.warning', text, service: 'postscreen', ...this.#who })
  }

  /** Why a client cannot be looked at any further. */
  failed(error: unknown): void {
    if (error instanceof TableError) this.warn(error.message)
    else publish<SmtpdEvent>({ event: 'smtpd.defect', error, service: 'postscreen', ...this.#who })
  }

  /** What a table says; one that cannot be asked says nothing, and it is told. */
  async lookUp(table: Pick<Table, 'get'> | undefined, key: string): Promise<string | undefined> {
    try {
      return await table?.get(key)
    } catch (error) {
      this.warn(error instanceof Error ? error.message : String(error))
      return undefined
    }
  }

  /** A recipient that was refused in the screen's own dialogue. */
  refused(facts: {
    readonly reply: string
    readonly sender: string
    readonly recipient: string
    readonly protocol: string
    readonly helo: string
  }): void {
    publish<SmtpdEvent>({ event: 'smtpd.screened', client: this.client, service: 'postscreen', ...facts, ...this.#who })
  }

  get #who(): { readonly syslogName: string; readonly clientName: string; readonly clientAddress: string } {
    return { syslogName: this.#syslogName, clientName: 'unknown', clientAddress: this.#address }
  }
}
