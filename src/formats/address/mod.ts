/**
 * Addresses: paths of the envelope, mailboxes, address lists of header fields. RFC 5321 §4.1.2, RFC 5322 §3.4.
 */
export { parseMailbox, type Path, PathError, takePath } from './path.ts'
