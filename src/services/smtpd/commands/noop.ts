/** NOOP. RFC 5321 §4.1.1.9. */
import type { Reply } from '../../../formats/smtp/mod.ts'

export function noop(): Reply {
  return { code: 250, enhanced: '2.0.0', lines: ['Ok'] }
}
