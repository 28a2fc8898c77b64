/** MAIL. RFC 5321 §4.1.1.2. */
import { publish } from '#src/base/mod.ts'
import { type Path, PathError, takePath } from '../../../formats/address/mod.ts'
import { parseMailParameters, type Offered, SmtpError } from '../../../formats/smtp/mod.ts'
import type { SmtpdEvent } from '../events.ts'
import type { Session } from '../session.ts'
import { discards } from './helo.ts'

export async function mail(session: Session, rest: string): Promise<void> {
  const { cf, clock, intake, policy } = session.deps
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, '5.5.1', 'Error: send HELO/EHLO first')
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: nested MAIL command')
  const [, argument] = /^FROM[ \t]*:[ \t]*([^]+)$/i.exec(rest) ?? []
  if (argument === undefined) throw new SmtpError(501, '5.5.4', 'Syntax: MAIL FROM:<address>')
  const path = pathOf(session, argument, 'MAIL')
  const parameters = parseMailParameters(path.rest, await offered(session))
  checkUtf8(session, path.address, parameters.smtpUtf8)
  if (cf.message_size_limit > 0 && parameters.sizeOctets > cf.message_size_limit) {
    throw refused(session, new SmtpError(552, '5.3.4', 'Message size exceeds fixed limit'))
  }
  const noRoom = intake.noRoom(parameters.sizeOctets)
  if (noRoom !== undefined) throw refused(session, new SmtpError(noRoom.code, noRoom.enhanced, noRoom.lines[0] ?? ''))
  session.transaction = {
    sender: path.address,
    parameters,
    arrivalMs: clock.now(),
    recipients: [],
    overshoot: 0,
    queueId: undefined,
    effects: [],
    submission: undefined,
  }
  try {
    session.obey(await policy.mail(session.facts))
  } catch (error) {
    session.reset()
    throw error
  }
  session.junk = 0
  session.reply({ code: 250, enhanced: '2.1.0', lines: ['Ok'] })
}

function refused(session: Session, error: SmtpError): SmtpError {
  session.reject('MAIL', error.reply)
  return error
}

/** The path of MAIL or RCPT; what is none gets Postfix's reply and a line in the log. */
export function pathOf(session: Session, argument: string, command: 'MAIL' | 'RCPT'): Path {
  const { cf, validAddress } = session.deps
  try {
    const path = takePath(argument, cf.strict_rfc821_envelopes)
    const mayBeEmpty = command === 'MAIL'
    if (path.address === '' ? mayBeEmpty : validAddress(path.address)) return path
  } catch (error) {
    if (!(error instanceof PathError)) throw error
  }
  const { name, address } = session.client
  const text = `Illegal address syntax from ${name}[${address}] in ${command} command: ${argument}`
  publish<SmtpdEvent>({ event: 'smtpd.warning', ...session.who, text })
  throw command === 'MAIL'
    ? new SmtpError(501, '5.1.7', 'Bad sender address syntax')
    : new SmtpError(501, '5.1.3', 'Bad recipient address syntax')
}

/** RFC 6531 §3.5: an address outside ASCII needs SMTPUTF8. */
export function checkUtf8(session: Session, address: string, declared: boolean): void {
  if (declared || !session.deps.cf.smtputf8_enable || !/[^\0-\x7f]/.test(address)) return
  throw new SmtpError(553, '5.6.7', 'Must declare SMTPUTF8 to send unicode address')
}

export async function offered(session: Session): Promise<Offered> {
  const { cf, verpClients } = session.deps
  return {
    dsn: !discards(session, 'DSN'),
    smtpUtf8: cf.smtputf8_enable && session.esmtp,
    verp: await verpClients(session.client),
    auth: cf.smtpd_sasl_auth_enable,
    verpFilter: cf.verp_delimiter_filter,
    verpDefault: cf.default_verp_delimiters,
  }
}
