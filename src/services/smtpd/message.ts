/** A message on its way to intake: opened when its content begins, finished when all of it is there. */
import { DataReader, type Reply, SmtpError } from '../../formats/smtp/mod.ts'
import type { Arrival, MailboxSubmission, OpenOptions, Submission } from '../../mail/intake/mod.ts'
import { FilterSubmission, heeded } from './before-queue/submission.ts'
import { tellData } from './milters.ts'
import { heedSendingLimits } from './sending.ts'
import { bareNewlineError, errorSaying, type Session } from './session.ts'
import { envelopeOf, type Phase, type Transaction } from './transaction.ts'

export type ContentPhase = Extract<Phase, { readonly name: 'content' }>

/** The transaction, if content may follow now. */
export function withRecipients(session: Session): Transaction {
  const { transaction } = session
  if (transaction === undefined) throw new SmtpError(503, '5.5.1', 'Error: need RCPT command')
  // RFC 2033 §4.2: of LMTP it must be 503.
  const code = session.deps.lmtp === undefined ? 554 : 503
  if (transaction.recipients.length === 0) throw new SmtpError(code, '5.5.1', 'Error: no valid recipients')
  return transaction
}

/** Asks policy, and opens the message. */
export async function begin(session: Session, transaction: Transaction, dots: boolean): Promise<ContentPhase> {
  const { cf, deps } = session
  session.obey(await deps.policy.data(session.facts()))
  if (session.milters !== undefined) await tellData(session)
  const { recipients, effects, parameters, arrivalMs, sender, queueId } = transaction
  const options = {
    effects,
    recipients: recipients.length,
    firstRecipient: recipients[0]?.address ?? '',
    sizeHint: parameters.sizeOctets,
    arrivalMs,
    sender,
    ...(queueId !== undefined && { queueId }),
    ...(session.milters !== undefined && { filters: session.milters }),
  }
  const submission = await open(session, await arrivalOf(session), options)
  const strict = session.bareNewline !== 'no'
  const reader = new DataReader({ dots, strict, replaceStrayCr: cf.cleanup_replace_stray_cr_lf })
  const phase: ContentPhase = { name: 'content', transaction, ...submission, reader, effectsBefore: effects.length }
  session.phase = phase
  return phase
}

/** `mailboxes` is the submission itself, where it can end in them. */
async function open(
  session: Session,
  arrival: Arrival,
  options: OpenOptions,
): Promise<{ readonly submission: Submission; readonly mailboxes?: MailboxSubmission }> {
  const { deps, transaction, forwarded } = session
  if (transaction?.filter !== undefined && deps.beforeQueue !== undefined) {
    await heeded(transaction.filter.command('DATA', '3'))
    // Who was told of another host by XFORWARD adds nothing of its own.
    const trace = deps.beforeQueue.trace(arrival, options, forwarded === undefined)
    await transaction.filter.write(Buffer.from(trace))
    return { submission: new FilterSubmission(session, transaction.filter) }
  }
  const made = deps.lmtp === undefined ? undefined : deps.lmtp.intake.open(arrival, options)
  const submission = made ?? deps.intake.open(arrival, options)
  if ('code' in submission) throw errorOf(submission)
  return made === undefined || 'code' in made ? { submission } : { submission, mailboxes: made }
}

/** RFC 2033 §4.2: from here on LMTP answers for each recipient that was taken, whatever comes out. */
export function expectEach(session: Session, transaction: Transaction | undefined): void {
  if (session.deps.lmtp !== undefined) session.repliesDue = Math.max(1, transaction?.recipients.length ?? 0)
}

async function arrivalOf(session: Session): Promise<Arrival> {
  const { client, sasl, tls, forwarded } = session
  return {
    origin: 'smtp',
    clientAddress: client.address,
    clientName: client.name,
    clientPort: client.port,
    helo: session.helo ?? '',
    protocol: session.protocol,
    ...(forwarded !== undefined && { forwarded }),
    ...(session.cf.smtpd_hide_client_session && { hidden: true }),
    ...(sasl !== undefined && { saslMethod: sasl.method, saslUsername: sasl.username, saslSender: sasl.sender }),
    tls: tls && { protocol: tls.protocol, cipher: tls.cipher, bits: tls.bits },
    rewriteHeaders: forwarded?.local === true || (await session.deps.policy.rewritesHeaders(session.facts())),
  }
}

/** Passes content on, until the message is larger than message_size_limit: from then on nothing is kept. */
export class ContentWriter {
  readonly #session: Session
  readonly #phase: ContentPhase
  tooBig = false

  constructor(session: Session, phase: ContentPhase) {
    this.#session = session
    this.#phase = phase
  }

  /** A promise: intake asks to wait. */
  write(content: readonly Buffer[]): void | Promise<void> {
    if (content.length === 0 || this.tooBig) return undefined
    // Changed lines make many small pieces: one buffer costs less than many views on the way to the disk.
    const octets = content.length === 1 ? content[0]! : Buffer.concat(content)
    const { submission } = this.#phase
    const limit = this.#session.cf.message_size_limit
    if (limit > 0 && submission.sizeOctets + octets.length > limit) {
      this.tooBig = true
      return undefined
    }
    return submission.write(octets)
  }
}

/** All is there: durable when it answers, or has answered for each recipient. Ends the transaction, whatever comes out. */
export async function finish(session: Session, phase: ContentPhase, tooBig: boolean): Promise<Reply | undefined> {
  const { transaction, submission, mailboxes, reader } = phase
  session.where = 'END-OF-MESSAGE'
  try {
    if (tooBig) {
      session.warn(`${transaction.queueId ?? submission.queueId}: queue file size limit exceeded`)
      throw new SmtpError(552, '5.3.4', 'Error: message file too big')
    }
    if (reader.sawBareLf && session.bareNewline === 'reject') {
      session.reject('END-OF-MESSAGE', 'bare <LF> received', transaction.recipients[0]?.address)
      throw bareNewlineError(session)
    }
    if (reader.sawBareLf && session.bareNewline === 'note') {
      session.publish({ event: 'smtpd.bare_newline', where: 'END-OF-MESSAGE' })
    }
    session.obey(await session.deps.policy.endOfData(session.facts()))
    await heedSendingLimits(session, transaction, transaction.queueId ?? submission.queueId)
    const replies =
      mailboxes === undefined
        ? [await submission.finish(envelopeOf(transaction), transaction.effects.slice(phase.effectsBefore))]
        : await mailboxes.deliver(envelopeOf(transaction))
    const [reply] = replies
    if (mailboxes === undefined && reply !== undefined && !isSuccess(reply)) throw errorOf(reply)
    session.errors = session.junk = 0
    session.phase = { name: 'idle' } // the submission is done with, not to be aborted
    if (mailboxes === undefined) return reply
    for (const one of replies) await session.say(one)
    return undefined
  } finally {
    transaction.filter?.close() // also where the phase is over
    session.reset()
  }
}

const isSuccess = ({ code }: Reply): boolean => code >= 200 && code < 300 // a filter may say anything

export function errorOf(reply: Reply): SmtpError {
  const { code, enhanced, lines } = reply
  if (lines.length > 1) return errorSaying(reply)
  return new SmtpError(code, enhanced, lines.join(' '))
}
