/**
 * Enhanced status codes in refusals: taken from a text, and made to fit what is refused. RFC 3463.
 */
import type { EnhancedStatus } from '../../formats/smtp/mod.ts'

export { splitStatus } from '../../formats/smtp/mod.ts'

/** For x.1.n: what n means of a recipient, said of a sender, and the other way round. */
const ADDRESS: Readonly<Record<string, readonly [sender: number, recipient: number]>> = {
  '1': [7, 1],
  '2': [8, 2],
  '3': [7, 3],
  '4': [7, 4],
  '5': [0, 5],
  '6': [7, 6],
  '7': [7, 3],
  '8': [8, 2],
}

/**
 * A table's entry does not know whether a sender, a recipient or a client is refused by it: x.1.n is moved to the number
 * that says the same of the right one, and to x.0.0 where no address is refused at all.
 */
export function fitStatus(status: EnhancedStatus, replyClass: string): EnhancedStatus {
  const [, digit, detail = ''] = /^(\d)\.1\.(\d+)$/.exec(status) ?? []
  if (digit === undefined) return status
  const sort = digit === '2' ? 2 : digit === '4' ? 4 : 5
  const [sender, recipient] = ADDRESS[detail] ?? [0, 0]
  if (replyClass === 'Sender address') return `${sort}.1.${sender}`
  if (replyClass === 'Recipient address') return `${sort}.1.${recipient}`
  return `${sort}.0.0`
}

/** RFC 2034 §4: the first digit is the reply code's. */
export function statusOf(code: number, status: EnhancedStatus): EnhancedStatus {
  return `${code >= 500 ? 5 : 4}${status.slice(1)}` as EnhancedStatus // only the first digit changes
}
