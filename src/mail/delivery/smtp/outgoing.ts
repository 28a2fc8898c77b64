/**
 * A message on its way to another server: header and body checks, generic addresses, 7-bit, line lengths. Octets come in
 * pieces and go on in pieces; nothing is kept but the header section and the line at hand. Postfix: smtp(8).
 */
import { publish } from '#src/base/mod.ts'
import type { Maps, Tables } from '../../../io/tables/mod.ts'
import { type CheckReport, type Field, type ListSettings, MessageChecks, openOutgoingChecks } from '../../intake/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import type { ClientEvent } from './events.ts'
import { flagLines, type TransportFlags } from './flags.ts'
import { LineBreaker } from './line-lengths.ts'
import type { ClientSettings } from './params.ts'
import { deferred, type Keywords } from './words.ts'

/** generic(5), as main brings it from routing. */
export interface GenericPort {
  /** What an address is mapped to, internal form in and out; itself where no table has it. Throws TableError. */
  addresses(
    address: string,
    maps: Maps,
    options: { readonly parameter: string; readonly propagate: boolean },
  ): Promise<readonly string[]>
  /** The field with its addresses mapped; itself where it holds none. */
  field(field: Field, map: (address: string) => Promise<string>): Buffer | Promise<Buffer>
}

/** The message cannot be sent as it is, or not now; the dialogue has to end where it stands. */
export class ContentError extends Error {
  readonly result: Exclude<RecipientResult, { status: 'sent' }>
  constructor(result: ContentError['result'], cause?: unknown) {
    super(result.text, { cause })
    this.result = result
  }
}

export interface OutgoingPlace {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly keywords: Keywords
  readonly job: DeliveryJob
  readonly tables: Tables
  readonly generic: GenericPort
  readonly flags: TransportFlags
  /** `host[address]`. */
  readonly name: string
}

export class Outgoing {
  readonly #place: OutgoingPlace
  readonly #checks: MessageChecks | undefined
  readonly #lines: LineBreaker
  readonly #genericMaps: Maps | undefined
  /** Parts that say they are 8-bit are made 7-bit for this server. */
  readonly to7bit: boolean

  constructor(place: OutgoingPlace) {
    const { cf, keywords, job, protocol, tables } = place
    this.#place = place
    this.to7bit = !cf.disable_mime_output_conversion && !keywords.has('8BITMIME') && job.body !== '7BIT'
    this.#genericMaps = cf.smtp_generic_maps === '' ? undefined : tables.maps(cf.smtp_generic_maps)
    const rewrites = this.#genericMaps !== undefined
    const checks = openOutgoingChecks(listsOf(cf, protocol), { to7bit: this.to7bit, rewrites }, cf, tables)
    if (checks !== undefined)
      this.#checks = new MessageChecks(checks, this.#report(), (field) => this.#rewritten(field))
    const { smtp_line_length_limit: limit } = cf
    this.#lines = new LineBreaker(limit, () => this.#note(`breaking line > ${limit} bytes with <CR><LF>SPACE`))
  }

  /** An envelope address as this server is to see it. Throws ContentError. */
  async address(address: string): Promise<string> {
    if (this.#genericMaps === undefined || address === '') return address
    try {
      return await this.#mapped(address, this.#genericMaps)
    } catch (error) {
      throw this.#localError(error)
    }
  }

  /** What stands in front of the message (flags=DOR). Throws ContentError. */
  async begin(): Promise<Buffer[]> {
    const { flags, job } = this.#place
    const lines = await flagLines(flags, job, (address) => this.address(address))
    return lines === '' ? [] : this.push(Buffer.from(lines))
  }

  /** What goes on of a piece of the message. Throws ContentError. */
  async push(piece: Buffer): Promise<Buffer[]> {
    return this.#lines.push(this.#checks === undefined ? piece : await this.#checked(this.#checks, piece))
  }

  /** What was still held. Throws ContentError. */
  async end(): Promise<Buffer[]> {
    const rest = this.#checks === undefined ? [] : this.#lines.push(await this.#checked(this.#checks))
    return [...rest, ...this.#lines.end()]
  }

  async #checked(checks: MessageChecks, piece?: Buffer): Promise<Buffer> {
    let out
    try {
      out = await (piece === undefined ? checks.end() : checks.write(piece))
    } catch (error) {
      throw this.#localError(error)
    }
    const { refusal } = checks
    if (refusal === undefined) return out
    if (refusal.code < 500) throw this.#localError(undefined)
    throw new ContentError({ status: 'bounced', dsn: refusal.enhanced ?? '5.6.0', text: refusal.lines.join(' ') })
  }

  #rewritten(field: Field): Buffer | Promise<Buffer> {
    const maps = this.#genericMaps
    return maps === undefined ? field.raw : this.#place.generic.field(field, (address) => this.#mapped(address, maps))
  }

  async #mapped(address: string, maps: Maps): Promise<string> {
    const { cf, protocol, generic } = this.#place
    const parameter = `${protocol}_generic_maps`
    const propagate = cf.propagate_unmatched_extensions.includes('generic')
    const [mapped = address, another] = await generic.addresses(address, maps, { parameter, propagate })
    if (another !== undefined) this.#warn(`multi-valued ${parameter} result for ${address}`)
    return mapped
  }

  /** Postfix: what a table that cannot be asked means for a delivery. */
  #localError(error: unknown): ContentError {
    if (error instanceof Error) this.#warn(error.message)
    return new ContentError(deferred('4.3.0', `local data error while talking to ${this.#place.name}`), error)
  }

  #report(): CheckReport {
    return {
      log: (action, place, content, text) =>
        this.#note(`${action}: ${place} ${content}${text === '' ? '' : `: ${text}`}`),
      mimeError: () => {},
      lookupFailed: (list, text) => {
        this.#warn(text)
        this.#warn(`${this.#place.job.queueId}: ${list.replaceAll('_', ' ')} lookup error`)
      },
      warn: (text) => this.#warn(text),
    }
  }

  #note(text: string): void {
    const { protocol, job } = this.#place
    publish<ClientEvent>({ event: 'client.note', protocol, text: `${job.queueId}: ${text}` })
  }

  #warn(text: string): void {
    publish<ClientEvent>({ event: 'client.note', protocol: this.#place.protocol, text: `warning: ${text}` })
  }
}

function listsOf(cf: ClientSettings, protocol: 'smtp' | 'lmtp'): ListSettings {
  const list = (name: string, tables: string): ListSettings['header'] => ({ name: `${protocol}_${name}`, tables })
  return {
    header: list('header_checks', cf.smtp_header_checks),
    mime: list('mime_header_checks', cf.smtp_mime_header_checks),
    nested: list('nested_header_checks', cf.smtp_nested_header_checks),
    body: list('body_checks', cf.smtp_body_checks),
  }
}
