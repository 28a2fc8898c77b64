/**
 * POP3's words: command lines, errors with response codes, byte-stuffing. RFC 1939, RFC 2449, RFC 3206.
 */
export { type Command, COMMAND_LIMIT, messageNumber, parseCommand, Pop3Error, type ResponseCode } from './command.ts'
export { DotStuffer, END } from './stuffing.ts'
