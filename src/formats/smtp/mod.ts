/**
 * SMTP's words: commands, replies, status codes, ESMTP parameters, content and its end; both sides, LMTP too. RFC 5321.
 * In: octets in any cuts. Out: values; refusals are thrown as SmtpError, with the reply they become.
 */
export type * from './contract.ts'
export { type CommandLine, lineText, parseCommand, pathArgument } from './command.ts'
export { type DataPiece, DataReader, type DataReaderOptions } from './data-reader.ts'
export { DataWriter } from './data-writer.ts'
export { splitStatus } from './enhanced-status.ts'
export { SmtpError } from './error.ts'
export { DISCARDABLE, parseKeywords } from './keywords.ts'
export { type MailParameters, type Offered, parseMailParameters, parseRcptParameters } from './parameters.ts'
export { parseReply, printReply, ReplyReader } from './reply.ts'
export { SessionRecord } from './session-record.ts'
export { decodeXtext, encodeUnitext, encodeXtext } from './xtext.ts'
