/** The commands of LMTP. RFC 2033 §4: SMTP's, with LHLO in place of HELO and EHLO. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { mailboxFull, unknownUser } from '../../../mail/intake/mod.ts'
import { bdat } from '../commands/bdat.ts'
import { data } from '../commands/data.ts'
import { introduce } from '../commands/helo.ts'
import { mail } from '../commands/mail.ts'
import { noop } from '../commands/noop.ts'
import { quit } from '../commands/quit.ts'
import { takeRecipient } from '../commands/rcpt.ts'
import type { Row } from '../commands/mod.ts'
import { rset } from '../commands/rset.ts'
import { GO_ON } from './policy.ts'
import { ExcusedError, type Session } from '../session.ts'

export const lmtpCommands: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['LHLO', { run: lhlo, junk: true, endsGroup: true }],
  ['MAIL', { run: mail }],
  ['RCPT', { run: rcpt }],
  ['DATA', { run: data, endsGroup: true }],
  ['BDAT', { run: bdat }],
  ['RSET', { run: rset, junk: true }],
  ['NOOP', { run: noop, junk: true, endsGroup: true }],
  ['QUIT', { run: quit }],
])

async function lhlo(session: Session, { rest }: CommandLine): Promise<Reply> {
  if (rest === '') throw new SmtpError(501, undefined, 'Syntax: LHLO hostname')
  await introduce(session, rest, true)
  const { myhostname, message_size_limit: size, smtputf8_enable } = session.cf
  return {
    code: 250,
    lines: [
      myhostname,
      'PIPELINING',
      size > 0 ? `SIZE ${size}` : 'SIZE',
      'ENHANCEDSTATUSCODES',
      '8BITMIME',
      ...(smtputf8_enable ? ['SMTPUTF8'] : []),
      'CHUNKING',
    ],
  }
}

/** Each recipient must be a mailbox with room for what MAIL announced. */
function rcpt(session: Session, command: CommandLine): Promise<Reply> {
  return takeRecipient(session, command, async (address, { sizeOctets }) => {
    const { lmtp } = session.deps
    if (lmtp === undefined) return GO_ON
    const { account, recipient } = await lmtp.mailbox(address)
    if (account === undefined) throw refused(session, unknownUser(recipient), address)
    if (!lmtp.hasRoom(account.id, sizeOctets)) throw refused(session, mailboxFull(recipient), address)
    return GO_ON
  })
}

/** Not the client's error: it asks for all of a message's recipients, and cannot know. */
function refused(session: Session, { code, enhanced, lines }: Reply, recipient: string): SmtpError {
  return session.refusal('RCPT', new ExcusedError(code, enhanced, lines.join(' ')), recipient)
}
