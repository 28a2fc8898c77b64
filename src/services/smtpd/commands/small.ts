/** RSET, NOOP, HELP, QUIT. RFC 5321 §4.1.1.5 to §4.1.1.10. */
import { SmtpError } from '../../../formats/smtp/mod.ts'
import type { Session } from '../session.ts'

export function rset(session: Session, rest: string): void {
  if (rest !== '') throw new SmtpError(501, '5.5.4', 'Syntax: RSET')
  session.reset()
  session.reply({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })
}

export function noop(session: Session): void {
  session.reply({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })
}

/** Departs from Postfix, which does not know HELP (500 5.5.2): RFC 5321 §4.5.1 has servers answer it. */
export function help(session: Session): void {
  session.reply({
    code: 214,
    enhanced: '2.0.0',
    lines: [
      'Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT',
      'VRFY ETRN AUTH STARTTLS HELP',
      'Questions: postmaster',
    ],
  })
}

export function quit(session: Session): void {
  session.counts.add('quit', true)
  session.reply({ code: 221, enhanced: '2.0.0', lines: ['Bye'] })
  session.close()
}
