/** A message that is there as octets, header and body, on its way out: smtp_header_checks and their like, rewriting, 7-bit. */
import type { Reply } from '../../../formats/smtp/mod.ts'
import { type Field, headEnd, readHead } from '../head.ts'
import { ContentFilter } from './content-filter.ts'
import type { CheckReport, ContentChecks } from './contract.ts'

/** A header section is held until it is whole; what is longer is passed on as body. */
const HEAD_LIMIT = 1024 * 1024

const CRLF = Buffer.from('\r\n')
const EMPTY = Buffer.alloc(0)

type Rewrite = (field: Field) => Buffer | Promise<Buffer>

export class MessageChecks {
  readonly #filter: ContentFilter
  readonly #headerSizeLimit: number
  readonly #rewrite: Rewrite
  /** The header section as far as it has come; undefined once it has been passed on. */
  #head: Buffer | undefined = EMPTY

  /** @param rewrite what becomes of a field of the message's own header, behind the checks */
  constructor(checks: ContentChecks, report: CheckReport, rewrite: Rewrite = ({ raw }) => raw) {
    this.#filter = new ContentFilter(checks, report)
    this.#headerSizeLimit = checks.header_size_limit
    this.#rewrite = rewrite
  }

  /** Why the message cannot be sent, as far as it is known. */
  get refusal(): Reply | undefined {
    return this.#filter.refusal
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
    for (const field of fields) for (const one of await this.#filter.field(field)) left.push(await this.#rewrite(one))
    left.push(await this.#filter.endHead(separated))
    const rest = seen.subarray(bodyAt)
    if (separated || rest.length > 0) left.push(CRLF)
    return Buffer.concat([...left, rest.length === 0 ? EMPTY : await this.#filter.body(rest)])
  }
}
