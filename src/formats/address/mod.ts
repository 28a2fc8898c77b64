/**
 * Addresses: paths of the envelope, mailboxes, address lists of header fields. RFC 5321 §4.1.2, RFC 5322 §3.4.
 */
export { LIST_LIMIT, type ListItem, parseAddressList } from './list.ts'
export { parseMailbox, type Path, PathError, takePath } from './path.ts'
