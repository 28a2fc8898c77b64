/**
 * Addresses: paths of the envelope, mailboxes, address lists of header fields, `+extension`, literals, IDN.
 * In: text. Out: Postfix's internal form (`local@domain`, unquoted) and printed forms of it.
 * Standards: RFC 5321 §4.1.2 and §4.1.3, RFC 5322 §3.4 and §4.4, RFC 6531 §3.3, RFC 5890.
 */
export { foldAddress, literalAddress, printLiteral, toAscii, toUnicode } from './domain.ts'
export { type Extension, type ExtensionSettings, splitAddressExtension, splitExtension } from './extension.ts'
export { LIST_LIMIT, type ListItem, parseAddressList, replaceAddresses } from './list.ts'
export {
  type AddressParts,
  joinAddress,
  needsQuotes,
  printAddress,
  printLocal,
  printMailbox,
  printPath,
  splitAddress,
} from './mailbox.ts'
export { parseMailbox, type Path, PathError, takePath } from './path.ts'
