/**
 * Notices: reports to senders about their mail (Postfix: bounce).
 * In: recipients whose story has ended. Out: a message through intake. Standards: RFC 3461, RFC 3464, RFC 6522.
 */
export { type NoticeSettings, sendReport } from './bounce.ts'
export { noticesParams } from './params.ts'
