/** HELP. RFC 5321 §4.1.1.8. */
import type { Reply } from '../../../formats/smtp/mod.ts'

/** Departs from Postfix, which does not know HELP (500 5.5.2): RFC 5321 §4.5.1 has servers answer it. */
export function help(): Reply {
  return {
    code: 214,
    enhanced: '2.0.0',
    lines: [
      'Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT',
      'VRFY ETRN AUTH STARTTLS HELP',
      'Questions: postmaster',
    ],
  }
}
