/** What a client is told of checks that let nothing through, and what the log shows of the line. */
import type { Reply } from '../../../formats/smtp/mod.ts'

/** Postfix's log shows so much of a line, and so much of what MIME is wrong. */
const LOGGED_OCTETS = 200
export const LOGGED_MIME_OCTETS = 100

/** `message content rejected` with its reply code: 451 for a status of class 4. */
export const replyOf = (status: string, text: string): Reply => ({
  code: status.startsWith('4') ? 451 : 550,
  // Made by splitStatus, or a constant below.
  enhanced: status as NonNullable<Reply['enhanced']>,
  lines: [text],
})

export const NO_LOOKUP: Reply = { code: 451, enhanced: '4.3.0', lines: ['Error: queue file write error'] }

/** As much of a line as a log shows. */
export function logged(content: Buffer | string, limit = LOGGED_OCTETS): string {
  const octets = typeof content === 'string' ? Buffer.from(content, 'latin1') : content
  return octets.toString('utf8', 0, limit)
}
