/** MAIL. RFC 5321 §4.1.1.2. */
import {
  type CommandLine,
  type MailParameters,
  type Offered,
  parseMailParameters,
  pathArgument,
  type Reply,
  SmtpError,
} from '../../../formats/smtp/mod.ts'
import { isSpeedAdjusted } from '../before-queue/submission.ts'
import { tellMail } from '../milters.ts'
import type { Session } from '../session.ts'
import { checkUtf8, pathOf, wordsOf } from '../paths.ts'
import type { Transaction } from '../transaction.ts'
import { discardedKeywords } from './helo.ts'
import { beginMessage } from './rcpt.ts'

/** What a file's length can be. */
const MAX_OFFSET = 2 ** 63 - 1

export async function mail(session: Session, { rest, text }: CommandLine): Promise<Reply> {
  const { cf, deps } = session
  if (session.helo === undefined && cf.smtpd_helo_required)
    throw new SmtpError(503, '5.5.1', `Error: send ${deps.lmtp === undefined ? 'HELO/EHLO' : 'LHLO'} first`)
  if (session.transaction !== undefined) throw new SmtpError(503, '5.5.1', 'Error: nested MAIL command')
  if (session.phase.name === 'refused chunks') throw new SmtpError(503, '5.5.1', 'Error: MAIL after BDAT')
  const argument = pathArgument(rest, 'FROM')
  if (argument === undefined) throw new SmtpError(501, '5.5.4', 'Syntax: MAIL FROM:<address>')
  const declared = cf.smtputf8_enable && /\sSMTPUTF8(?:\s|$)/i.test(argument)
  const { address: sender, rest: words } = pathOf(session, argument, 'MAIL', declared)
  const parameters = parseMailParameters(words, await offered(session, words))
  if (parameters.verp !== undefined && sender === '')
    throw new SmtpError(503, '5.5.4', 'Error: XVERP requires non-null sender')
  checkUtf8(session, sender, parameters.smtpUtf8)
  if (session.overRate('message', cf.smtpd_client_message_rate_limit))
    throw new SmtpError(450, '4.7.1', `Error: too much mail from ${session.client.address}`)
  const transaction: Transaction = {
    sender,
    parameters,
    arrivalMs: deps.clock.now(),
    recipients: [],
    overshoot: 0,
    queueId: undefined,
    filter: undefined,
    command: text,
    effects: [],
  }
  session.phase = { name: 'mail', transaction }
  try {
    session.obey(await deps.policy.mail(session.facts()))
    checkSize(session, parameters)
    if (session.milters !== undefined) await tellMail(session, wordsOf(argument, words))
    if (!cf.smtpd_delay_open_until_valid_rcpt) await beginMessage(session, transaction)
  } catch (error) {
    session.reset()
    throw error
  }
  return { code: 250, enhanced: '2.1.0', lines: ['Ok'] }
}

/** RFC 1870 §6.1: what will not fit is refused before it is sent. */
function checkSize(session: Session, { sizeOctets }: MailParameters): void {
  const limit = session.cf.message_size_limit
  if (sizeOctets > MAX_OFFSET) throw new SmtpError(552, '5.3.4', 'Message size exceeds file system imposed limit')
  if (limit > 0 && sizeOctets > limit)
    throw session.refusal('MAIL', new SmtpError(552, '5.3.4', 'Message size exceeds fixed limit'))
  if (session.deps.beforeQueue !== undefined && !isSpeedAdjusted(session)) return // the filter's disk
  const noRoom = session.deps.intake.noRoom(sizeOctets)
  if (noRoom !== undefined)
    throw session.refusal('MAIL', new SmtpError(noRoom.code, noRoom.enhanced, noRoom.lines.join(' ')))
}

/** What the client may ask for. @param words where there are none, nothing needs to be looked up */
export async function offered(session: Session, words: string): Promise<Offered> {
  const { cf, shared, client, deps } = session
  const isSmtp = deps.lmtp === undefined // LMTP says neither
  const asksVerp = isSmtp && /XVERP/i.test(words)
  return {
    dsn: isSmtp && (words === '' || !(await discardedKeywords(session)).has('DSN')),
    smtpUtf8: cf.smtputf8_enable,
    verp: asksVerp && (await shared.lists.verp(client)),
    verpFilter: cf.verp_delimiter_filter,
    verpDefault: cf.default_verp_delimiters,
  }
}
