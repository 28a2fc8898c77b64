/** The MIME tree of a message. RFC 2045, RFC 2046. Offsets are in octets from the message's first. */
import { fieldValue, type HeaderField } from './header.ts'
import { parseParameterised } from './parameters.ts'

export interface Part {
  /** In lower case. */
  type: string
  subtype: string
  parameters: readonly (readonly [string, string])[]
  id: string | undefined
  description: string | undefined
  /** As written, in lower case; `7bit` where there is none. */
  encoding: string
  md5: string | undefined
  disposition: { readonly value: string; readonly parameters: readonly (readonly [string, string])[] } | undefined
  language: readonly string[]
  location: string | undefined
  headerFrom: number
  bodyFrom: number
  /** Behind the body; the line end before a boundary is not part of it. */
  bodyTo: number
  /** Line ends in the body. */
  lines: number
  children: Part[]
  /** The fields of ENVELOPE, where the header is a message's. */
  envelope: readonly HeaderField[] | undefined
}

export const ENVELOPE_FIELDS: ReadonlySet<string> = new Set([
  'date',
  'subject',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'in-reply-to',
  'message-id',
])

/** @param inDigest what a part without Content-Type is: RFC 2046 §5.1.5 */
export function partOf(
  fields: readonly HeaderField[],
  options: { headerFrom: number; bodyFrom: number; isMessage: boolean; inDigest: boolean },
): Part {
  const value = (name: string): string | undefined => {
    const field = fields.find((f) => f.name === name)
    return field && fieldValue(field)
  }
  const contentType = parseParameterised(value('content-type') ?? '')
  const [, type, subtype] =
    /^([!#$%&'*+.^_`|~0-9a-z{}-]+)\s*\/\s*([!#$%&'*+.^_`|~0-9a-z{}-]+)$/.exec(contentType.value) ?? []
  const known = type !== undefined && subtype !== undefined
  const disposition = value('content-disposition')
  return {
    type: known ? type : options.inDigest ? 'message' : 'text',
    subtype: known ? subtype : options.inDigest ? 'rfc822' : 'plain',
    parameters: known ? contentType.parameters : [],
    id: value('content-id'),
    description: value('content-description'),
    // Comments go as those of Content-Type do, in one pass however many open: RFC 2045 §6.1.
    encoding: parseParameterised(value('content-transfer-encoding') ?? '').value || '7bit',
    md5: value('content-md5'),
    disposition: disposition === undefined ? undefined : parseParameterised(disposition),
    language: (value('content-language') ?? '')
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
    location: value('content-location'),
    headerFrom: options.headerFrom,
    bodyFrom: options.bodyFrom,
    bodyTo: options.bodyFrom,
    lines: 0,
    children: [],
    envelope: options.isMessage ? fields.filter((field) => ENVELOPE_FIELDS.has(field.name)) : undefined,
  }
}
