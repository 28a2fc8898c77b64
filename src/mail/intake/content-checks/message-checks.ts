/** Checks of a message that is there as octets, header and body: smtp_header_checks, smtp_body_checks and their like. */
import { headEnd, readHead } from '../head.ts'
import { ContentFilter } from './content-filter.ts'
import type { CheckReport, ContentChecks } from './contract.ts'

/** A header section is held until it is whole; what is longer is passed on as body. */
const HEAD_LIMIT = 1024 * 1024

const CRLF = Buffer.from('\r\n')
const EMPTY = Buffer.alloc(0)

export class MessageChecks {
  readonly #filter: ContentFilter
  readonly #headerSizeLimit: number
  /** The header section as far as it has come; undefined once it has been passed on. */
  #head: Buffer | undefined = EMPTY

  constructor(checks: ContentChecks, report: CheckReport) {
    this.#filter = new ContentFilter(checks, report)
    this.#headerSizeLimit = checks.header_size_limit
  }

  /** Octets of the message in wire form, in any cuts: what goes on of them. */
  write(chunk: Buffer): Buffer | Promise<Buffer> {
    if (this.#head === undefined) return this.#filter.body(chunk)
    const seen = Buffer.concat([this.#head, chunk])
    this.#head = seen
    return headEnd(seen) < 0 && seen.length < HEAD_LIMIT ? EMPTY : this.#takeHead(seen)
  }

  /** What was still held. */
  async end(): Promise<Buffer> {
    const head = this.#head === undefined ? EMPTY : await this.#takeHead(this.#head)
    return Buffer.concat([head, await this.#filter.end()])
  }

  async #takeHead(seen: Buffer): Promise<Buffer> {
    this.#head = undefined
    const settings = { header_size_limit: this.#headerSizeLimit, message_drop_headers: [] }
    const { fields, bodyAt, separated } = readHead(seen, settings)
    const left: Buffer[] = []
    for (const field of fields) for (const { raw } of await this.#filter.field(field)) left.push(raw)
    this.#filter.endHead(separated)
    const rest = seen.subarray(bodyAt)
    if (separated || rest.length > 0) left.push(CRLF)
    return Buffer.concat([...left, rest.length === 0 ? EMPTY : await this.#filter.body(rest)])
  }
}
