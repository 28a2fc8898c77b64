/** The table of commands. RFC 5321 §4.1, RFC 2920, RFC 3030, RFC 3207, RFC 4468, RFC 4954, RFC 1985. */
import type { CommandLine, Reply } from '../../../formats/smtp/mod.ts'
import type { Session } from '../session.ts'
import { auth } from './auth.ts'
import { bdat } from './bdat.ts'
import { burl } from './burl.ts'
import { data } from './data.ts'
import { etrn } from './etrn.ts'
import { ehlo, helo } from './helo.ts'
import { help } from './help.ts'
import { mail } from './mail.ts'
import { noop } from './noop.ts'
import { quit } from './quit.ts'
import { rcpt } from './rcpt.ts'
import { rset } from './rset.ts'
import { starttls } from './starttls.ts'
import { vrfy } from './vrfy.ts'
import { xclient } from './xclient.ts'
import { xforward } from './xforward.ts'

export interface Row {
  /** Answers the reply to say; undefined where all has been said. Throws SmtpError to refuse. */
  readonly run: (session: Session, command: CommandLine) => Reply | undefined | Promise<Reply | undefined>
  /** Allowed where TLS is required and not yet there. */
  readonly beforeTls?: boolean
  /** Brings nothing forward: too many of them are errors (smtpd_junk_command_limit). */
  readonly junk?: boolean
  /** The client must wait for the reply before it sends on (RFC 2920 §3.1), where Postfix insists. */
  readonly endsGroup?: boolean
  /** Where it is not, it is a command that nobody knows. */
  readonly isOffered?: (session: Session) => boolean
}

export const commands: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['HELO', { run: helo, beforeTls: true, junk: true, endsGroup: true }],
  ['EHLO', { run: ehlo, beforeTls: true, junk: true, endsGroup: true }],
  ['STARTTLS', { run: starttls, beforeTls: true }],
  ['AUTH', { run: auth }],
  ['MAIL', { run: mail }],
  ['RCPT', { run: rcpt }],
  ['DATA', { run: data, endsGroup: true }],
  ['BDAT', { run: bdat }],
  ['BURL', { run: burl, isOffered: ({ deps }) => deps.urls !== undefined }],
  ['RSET', { run: rset, junk: true }],
  ['NOOP', { run: noop, beforeTls: true, junk: true, endsGroup: true }],
  ['VRFY', { run: vrfy, junk: true, endsGroup: true }],
  ['ETRN', { run: etrn, junk: true }],
  ['HELP', { run: help, beforeTls: true, junk: true }],
  ['QUIT', { run: quit, beforeTls: true }],
  ['XCLIENT', { run: xclient }],
  ['XFORWARD', { run: xforward }],
])
