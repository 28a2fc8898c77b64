/** The table of commands. RFC 5321 §4.1, RFC 2920, RFC 3030, RFC 3207, RFC 4954, RFC 1985. */
import type { Session } from '../session.ts'
import { auth } from './auth.ts'
import { bdat, data } from './data.ts'
import { ehlo, helo } from './helo.ts'
import { mail } from './mail.ts'
import { rcpt } from './rcpt.ts'
import { help, noop, quit, rset } from './small.ts'
import { starttls } from './starttls.ts'
import { etrn, vrfy } from './vrfy.ts'

export interface Row {
  /** @param rest what follows the verb, blanks around it removed */
  readonly run: (session: Session, rest: string) => void | Promise<void>
  /** Allowed where TLS is required and not yet there (Postfix: SMTPD_CMD_FLAG_PRE_TLS). */
  readonly beforeTls?: boolean
  /** Moves nothing on: too many of them are errors (smtpd_junk_command_limit). */
  readonly junk?: boolean
}

export const commands: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['HELO', { run: helo, beforeTls: true, junk: true }],
  ['EHLO', { run: ehlo, beforeTls: true, junk: true }],
  ['STARTTLS', { run: starttls, beforeTls: true }],
  ['AUTH', { run: auth }],
  ['MAIL', { run: mail }],
  ['RCPT', { run: rcpt }],
  ['DATA', { run: data }],
  ['BDAT', { run: bdat }],
  ['RSET', { run: rset, junk: true }],
  ['NOOP', { run: noop, beforeTls: true, junk: true }],
  ['VRFY', { run: vrfy, junk: true }],
  ['ETRN', { run: etrn, junk: true }],
  ['HELP', { run: help, beforeTls: true, junk: true }],
  ['QUIT', { run: quit, beforeTls: true }],
])
