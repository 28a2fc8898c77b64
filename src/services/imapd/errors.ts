/** What ends a session, and what the store's refusals become. */
import { ImapError } from '../../formats/imap/mod.ts'
import type { Refusal } from '../../mail/store/mod.ts'

/** The session cannot go on: what is to be said after `* BYE`. */
export class Bye extends Error {}

/** An expected refusal of the store becomes its response. */
export function refusal({ refused, text }: Refusal): ImapError {
  return new ImapError('NO', text, { code: refused })
}
