/** What ends a session, and what the store's refusals become. */
import { ImapError } from '../../formats/imap/mod.ts'
import { LogFullError } from '../../io/blobs/mod.ts'
import type { Refusal } from '../../mail/store/mod.ts'

/** The session cannot go on: what is to be said after `* BYE`. */
export class Bye extends Error {}

/** An expected refusal of the store becomes its response. */
export function refusal({ refused, text }: Refusal): ImapError {
  return new ImapError('NO', text, { code: refused })
}

/** What a client is told of an error that is not IMAP's own. */
export function knownError(cause: unknown): ImapError {
  if (cause instanceof ImapError) return cause
  if (cause instanceof LogFullError) return new ImapError('NO', 'No room on the disk', { code: 'LIMIT', cause })
  return new ImapError('NO', 'Internal error', { code: 'SERVERBUG', cause })
}
