/** What SQL and LDAP tables share: templates, the `domain` filter, results put together. */
import { type KeyParts, keyParts, parseQueryTemplate, type QueryTemplate } from '../query-template.ts'
import { queryError, type RemoteOptions, SettingsError, type TableSettings, warn } from './settings.ts'

/** A template of a table; a `%` that means nothing is a fault. */
export function template(source: TableSettings, kind: 'query' | 'result', text: string): QueryTemplate {
  const parsed = parseQueryTemplate(text)
  if (parsed !== undefined) return parsed
  const why = `db_common_parse: ${source.name}: Invalid ${kind} template: ${text}`
  const line = ['query', 'query_filter', 'search_base', 'key_format', 'result_format', 'result_filter']
    .filter((key) => source.text(key) === text)
    .map((key) => source.lineOf(key))[0]
  throw new SettingsError(source.table, why, source.file, line)
}

/** Whether a key may be asked at all. */
export type DomainGuard = (key: KeyParts) => Promise<boolean>

/** `domain`: only addresses with a local part in one of these domains are asked. */
export function domainGuard(source: TableSettings, options: Pick<RemoteOptions, 'matchDomain'>): DomainGuard {
  const list = source.text('domain')
  if (list === '') return () => Promise.resolve(true)
  const matches = options.matchDomain(list)
  return async ({ local, domain }) => domain !== undefined && local !== '' && (await matches(domain)) !== undefined
}

/** The results of one lookup, as they come. */
export class Results {
  readonly #table: string
  readonly #key: string
  readonly #format: QueryTemplate
  readonly #limit: number
  readonly #parts: KeyParts
  readonly #found: string[] = []

  constructor(table: string, key: string, format: QueryTemplate, limit: number) {
    this.#table = table
    this.#key = key
    this.#format = format
    this.#limit = limit
    this.#parts = keyParts(key)
  }

  /** Throws TableError beyond expansion_limit; `where` is how Postfix calls the place. */
  add(value: string, where: string): void {
    if (value === '') {
      warn(this.#table, `table "${this.#table}": empty lookup result for: "${this.#key}" -- ignored`)
      return
    }
    const result = this.#format.format(this.#parts, keyParts(value))
    if (result === undefined) return
    this.#found.push(result)
    if (this.#limit > 0 && this.#found.length > this.#limit) {
      const name = this.#table.slice(this.#table.indexOf(':') + 1)
      warn(this.#table, `${where}: ${name}: Expansion limit exceeded for key: '${this.#key}'`)
      throw queryError(this.#table)
    }
  }

  get text(): string | undefined {
    const text = this.#found.join(',')
    return text === '' ? undefined : text
  }
}
