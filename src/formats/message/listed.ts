/** Header fields that clients list by, kept beside the message so that a list needs no reading of content. */
import type { HeaderField } from './header.ts'

/** Asked for by Thunderbird, Apple Mail, Outlook, K-9, mutt, Roundcube, mbsync and offlineimap when they list a mailbox. */
export const LISTED_FIELDS: ReadonlySet<string> = new Set([
  'date',
  'from',
  'sender',
  'reply-to',
  'to',
  'cc',
  'bcc',
  'subject',
  'message-id',
  'in-reply-to',
  'references',
  'newsgroups',
  'list-id',
  'list-post',
  'list-unsubscribe',
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'mime-version',
  'x-priority',
  'importance',
  'priority',
  'precedence',
  'auto-submitted',
  'disposition-notification-to',
  'x-spam-flag',
  'x-mailer',
  'user-agent',
])

/** All listed fields together take at most this; a longer section is not kept, and read from content instead. */
const LISTED_LIMIT = 16 * 1024

/** Raw lines of the listed fields in message order; empty when they are too long to keep beside. */
export function listedFields(fields: readonly HeaderField[]): Buffer {
  const kept = Buffer.concat(fields.filter((field) => LISTED_FIELDS.has(field.name)).map((field) => field.raw))
  return kept.length <= LISTED_LIMIT ? kept : Buffer.alloc(0)
}
