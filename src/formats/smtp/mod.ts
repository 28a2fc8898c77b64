/**
 * SMTP's words: replies, status codes, ESMTP parameters, the end of data; both sides, LMTP too. RFC 5321.
 */
export type * from './contract.ts'
export { type DataPiece, DataReader } from './data-reader.ts'
export { SmtpError } from './error.ts'
export { parseKeywords } from './keywords.ts'
export { type MailParameters, type Offered, parseMailParameters, parseRcptParameters } from './parameters.ts'
export { parseReply, printReply, REPLY_LIMIT, ReplyReader } from './reply.ts'
export { decodeXtext, encodeXtext } from './xtext.ts'
