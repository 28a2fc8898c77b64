/** A header section cut into fields, by views and offsets. RFC 5322 §2.2; what is no field is passed over. */

export interface HeaderField {
  /** In lower case. */
  readonly name: string
  /** The whole field with its continuation lines and last line end. */
  readonly raw: Buffer
}

const LF = 0x0a
const COLON = 0x3a

const NAME = /^[!-9;-~]+$/

/** @param header up to and perhaps with the blank line that ends it */
export function headerFields(header: Buffer): HeaderField[] {
  const fields: HeaderField[] = []
  let at = 0
  while (at < header.length) {
    let end = lineEnd(header, at)
    while (end < header.length && (header[end] === 0x20 || header[end] === 0x09)) end = lineEnd(header, end)
    const raw = header.subarray(at, end)
    const colon = raw.indexOf(COLON)
    const name = colon > 0 ? raw.toString('latin1', 0, colon).trimEnd().toLowerCase() : ''
    if (NAME.test(name)) fields.push({ name, raw })
    at = end
  }
  return fields
}

function lineEnd(buf: Buffer, at: number): number {
  const lf = buf.indexOf(LF, at)
  return lf < 0 ? buf.length : lf + 1
}

const ASCII = /^[\0-\x7f]*$/

/** A field's value, unfolded (RFC 5322 §2.2.3), outer blanks removed. Octets that are no UTF-8 are taken as Latin-1. */
export function fieldValue({ raw }: HeaderField): string {
  const from = raw.indexOf(COLON) + 1
  const latin1 = raw.toString('latin1', from)
  const utf8 = ASCII.test(latin1) ? latin1 : raw.toString('utf8', from)
  const text = utf8.includes('\ufffd') ? latin1 : utf8
  return text.replace(/\r?\n/g, '').trim()
}
