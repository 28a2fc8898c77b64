/** The header field TLS-Required: its sender would rather have mail go without TLS than not at all. RFC 8689 §3. */
import { fieldValue, headerFields } from './header.ts'
import { headerEnd } from './lines.ts'

/** @param start of a message, as much of it as is looked at */
export function saysTlsNotRequired(start: Buffer): boolean {
  const end = headerEnd(start, 0)
  const fields = headerFields(end < 0 ? start : start.subarray(0, end))
  return fields.some((field) => field.name === 'tls-required' && fieldValue(field).toLowerCase() === 'no')
}
