/**
 * Messages: header fields, dates, encoded words, charsets, and the MIME tree in one pass.
 * In: octets in any cuts. Out: fields, a tree with octet offsets, text. Nothing here throws for what is in a message.
 * Standards: RFC 5322, RFC 2045, RFC 2046, RFC 2047, RFC 2231, RFC 2183.
 */
export { baseSubject, type BaseSubject } from './base-subject.ts'
export { casemap, type Collation, COLLATIONS, compareForms, unicodeCasemap, UNMARKED } from './collation.ts'
export { withoutNul } from './binary.ts'
export { decodeCharset, knowsCharset, octetReading } from './charset.ts'
export { formatDate, formatInternalDate, formatTraceDate, type ParsedDate, parseDate, traceDates } from './dates.ts'
export { decodeWords, encodeName, encodeWords } from './encoded-words.ts'
export { fieldValue, headerFields, type HeaderField } from './header.ts'
export { stripHtml } from './html.ts'
export { LISTED_FIELDS, listedFields } from './listed.ts'
export { decodeParts, encodeParts, type PackedPart, says8bit } from './packed.ts'
export { parameter, type Parameterised, parseParameterised } from './parameters.ts'
export { ENVELOPE_FIELDS, type Part } from './part.ts'
export { QuotedPrintableEncoder } from './quoted-printable.ts'
export { DEPTH_LIMIT, HEADER_LIMIT, PARTS_LIMIT, type Structure, StructureScanner } from './structure.ts'
export { asciiHeader } from './surrogate.ts'
export { foldForSearch } from './text.ts'
export { saysTlsNotRequired } from './tls-required.ts'
export {
  decodeBase64Body,
  decodeQuotedPrintable,
  decodeTransfer,
  transferEncoding,
  type TransferEncoding,
} from './transfer.ts'
