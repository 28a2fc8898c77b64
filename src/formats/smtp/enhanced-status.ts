/** Enhanced status codes in texts that people write. RFC 3463. */
import type { EnhancedStatus } from './contract.ts'

/** `5.1.1 text` parted; without a status in front, `fallback` is it. */
export function splitStatus(text: string, fallback: EnhancedStatus): { status: EnhancedStatus; text: string } {
  const line = text.trimStart()
  const found = /^([245]\.\d{1,3}\.\d{1,3})(?:\s+|$)/.exec(line)
  // The pattern is that of an enhanced status.
  return found
    ? { status: found[1] as EnhancedStatus, text: line.slice(found[0].length) }
    : { status: fallback, text: line }
}
