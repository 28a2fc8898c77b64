/** DATA and BDAT, and what happens at the end of the content. RFC 5321 §4.1.1.4, RFC 3030. */
import { DataReader, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import type { Arrival, Submission } from '../../../mail/intake/mod.ts'
import { ChunkContent, DataContent } from '../content.ts'
import type { Session } from '../session.ts'
import { envelopeOf, type Transaction } from '../transaction.ts'

export async function data(session: Session, rest: string): Promise<void> {
  const { transaction } = session
  if (transaction?.submission !== undefined) throw new SmtpError(503, '5.5.1', 'Error: DATA after BDAT')
  const ready = withRecipients(session, rest === '' ? undefined : new SmtpError(501, '5.5.4', 'Syntax: DATA'))
  session.obey(await session.deps.policy.data(session.facts))
  const submission = await openSubmission(session, ready)
  session.content = new DataContent(submission, session.deps.cf.message_size_limit)
  session.reply({ code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] })
}

function withRecipients(session: Session, syntax: SmtpError | undefined): Transaction {
  const { transaction } = session
  if (transaction === undefined || transaction.recipients.length === 0) {
    throw transaction === undefined
      ? new SmtpError(503, '5.5.1', 'Error: need RCPT command')
      : new SmtpError(554, '5.5.1', 'Error: no valid recipients')
  }
  if (syntax !== undefined) throw syntax
  return transaction
}

async function openSubmission(session: Session, transaction: Transaction): Promise<Submission> {
  const { intake } = session.deps
  const { recipients, effects, parameters, arrivalMs, sender, queueId } = transaction
  const opened = intake.open(await arrivalOf(session), {
    effects,
    recipients: recipients.length,
    firstRecipient: recipients[0]?.address ?? '',
    sizeHint: parameters.sizeOctets,
    arrivalMs,
    sender,
    ...(queueId !== undefined && { queueId }),
  })
  if ('code' in opened) throw new SmtpError(opened.code, opened.enhanced, opened.lines[0] ?? '')
  transaction.submission = opened
  return opened
}

async function arrivalOf(session: Session): Promise<Arrival> {
  const { client, sasl, connection } = session
  const { tls } = connection
  return {
    origin: 'smtp',
    clientAddress: client.address,
    clientName: client.name,
    helo: session.helo ?? '',
    protocol: session.protocol,
    ...(sasl !== undefined && { saslMethod: sasl.method, saslUsername: sasl.username, saslSender: sasl.sender }),
    tls: tls && { protocol: tls.protocol, cipher: tls.cipher, bits: tls.bits },
    rewriteHeaders: await session.deps.policy.rewritesHeaders(session.facts),
  }
}

/** BDAT's octets follow at once: what is refused is read all the same, and the refusal said behind it. */
export async function bdat(session: Session, rest: string): Promise<void> {
  const [, digits, last] = /^(\d{1,15})(?:\s+(LAST))?$/i.exec(rest) ?? []
  const size = Number(digits)
  let refused: Reply | undefined
  let submission: Submission | undefined
  try {
    const syntax = digits === undefined ? new SmtpError(501, '5.5.4', 'Syntax: BDAT count [LAST]') : undefined
    submission = await forBdat(session, withRecipients(session, syntax))
  } catch (error) {
    if (!(error instanceof SmtpError) || digits === undefined) throw error
    refused = error.reply
  }
  session.bdatReader ??= new DataReader({ dots: false })
  const limit = session.deps.cf.message_size_limit
  const content = new ChunkContent({
    size,
    last: last !== undefined,
    submission,
    reader: session.bdatReader,
    limit,
    refused,
  })
  if (size > 0) session.content = content
  else await endContent(session, content)
}

async function forBdat(session: Session, transaction: Transaction): Promise<Submission> {
  if (transaction.submission !== undefined) return transaction.submission
  session.obey(await session.deps.policy.data(session.facts))
  return openSubmission(session, transaction)
}

/** The last octet is in: say what became of it. */
export async function endContent(session: Session, content: DataContent | ChunkContent): Promise<void> {
  const { transaction } = session
  if (content.kind === 'bdat' && content.refused !== undefined) {
    throw new SmtpError(content.refused.code, content.refused.enhanced, content.refused.lines[0] ?? '')
  }
  if (content.kind === 'bdat' && !content.last && !content.tooBig) {
    session.reply({ code: 250, enhanced: '2.0.0', lines: [`Ok: ${content.size} bytes`] })
    return
  }
  try {
    if (transaction?.submission === undefined) throw new SmtpError(503, '5.5.1', 'Error: need RCPT command')
    if (content.tooBig) throw tooBig(session)
    session.obey(await session.deps.policy.endOfData(session.facts))
    const reply = await transaction.submission.finish(envelopeOf(transaction), transaction.effects)
    if (reply.code >= 400) throw new SmtpError(reply.code, reply.enhanced, reply.lines[0] ?? '')
    session.reply(reply)
  } finally {
    session.reset()
  }
}

function tooBig(session: Session): SmtpError {
  const error = new SmtpError(552, '5.3.4', 'Error: message file too big')
  session.reject('END-OF-MESSAGE', error.reply)
  return error
}
