/** One message in a session: MAIL, RCPT, DATA, content, and the replies. RFC 5321 §3.3, RFC 2920 (pipelining), RFC 2033 §4.2. */
import { DataWriter, type Reply } from '../../../formats/smtp/mod.ts'
import type { Tables } from '../../../io/tables/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import { ChunkSender } from './chunks.ts'
import type { Dialogue } from './dialogue.ts'
import type { TransportFlags } from './flags.ts'
import { ContentError, type GenericPort, Outgoing } from './outgoing.ts'
import type { ClientSettings } from './params.ts'
import { type Keywords, mailCommand, oneLine, rcptCommand, said } from './words.ts'

export type Recipient = DeliveryJob['recipients'][number]

export interface TransactionPlace {
  readonly protocol: 'smtp' | 'lmtp'
  readonly cf: ClientSettings
  readonly keywords: Keywords
  readonly tables: Tables
  readonly generic: GenericPort
  readonly flags: TransportFlags
  /** `host[address]`. */
  readonly name: string
  readonly job: DeliveryJob
  readonly recipients: readonly Recipient[]
  readonly loggedIn: boolean
  /** The fate of one recipient, as soon as it is known. */
  readonly settle: (recipient: Recipient, result: RecipientResult) => void
}

/** Octets that are read in one go. */
const PIECE = 256 * 1024

const isOk = (reply: Reply): boolean => reply.code >= 200 && reply.code < 300

/** `done`: the server is through with the message; `reset`: something was begun that RSET ends; `cut`: that nothing ends. */
export type Ending = 'done' | 'reset' | 'cut'

export async function sendMessage(dialogue: Dialogue, place: TransactionPlace): Promise<Ending> {
  const { cf, keywords, name, job, recipients, settle } = place
  const all = (result: RecipientResult): 'done' => {
    for (const recipient of recipients) settle(recipient, result)
    return 'done'
  }
  if (job.smtpUtf8 && !keywords.has('SMTPUTF8'))
    // RFC 6531 §3.2
    return all({ status: 'bounced', dsn: '5.6.7', text: `SMTPUTF8 is required, but was not offered by host ${name}` })
  const tooBig = overSize(place)
  if (tooBig !== undefined) return all(tooBig)
  const pipelined = keywords.has('PIPELINING')
  // It is only asked whether they would be taken (sendmail -bv).
  const isProbe = job.trace === 'verify'
  const probe = isProbe && cf.smtp_address_verify_target === 'rcpt'
  const inChunks = !isProbe && cf.smtp_chunking_enable && keywords.has('CHUNKING')
  const outgoing = new Outgoing(place)
  const commands = await envelopeCommands(place, outgoing)
  if ('status' in commands) return all(commands)
  const { mail, rcpts } = commands
  if (pipelined) for (const command of [mail, ...rcpts, ...(probe || inChunks ? [] : ['DATA'])]) dialogue.send(command)
  else dialogue.send(mail)
  dialogue.doing = 'sending MAIL FROM'
  const started = await dialogue.reply(cf.smtp_mail_timeout)
  if (!isOk(started)) {
    all(said(started, name, 'MAIL FROM'))
    if (!pipelined) return 'reset'
  }
  const accepted: Recipient[] = []
  for (const [i, recipient] of recipients.entries()) {
    dialogue.doing = 'sending RCPT TO'
    if (!pipelined) dialogue.send(rcpts[i] ?? '')
    const reply = await dialogue.reply(cf.smtp_rcpt_timeout)
    if (!isOk(started)) continue
    if (isOk(reply)) {
      if (probe) settle(recipient, { ...sent(reply, place), dsn: reply.enhanced ?? '2.1.5' })
      else accepted.push(recipient)
    } else settle(recipient, said(reply, name, 'RCPT TO'))
  }
  if (probe || (accepted.length === 0 && (inChunks || !pipelined))) return 'reset'
  if (inChunks) return chunks(dialogue, place, outgoing, accepted)
  if (!pipelined) dialogue.send('DATA')
  dialogue.doing = 'sending DATA command'
  const data = await dialogue.reply(cf.smtp_data_init_timeout)
  if (data.code < 300 || data.code > 399) {
    for (const recipient of accepted) settle(recipient, said(data, name, 'DATA'))
    return 'reset'
  }
  if (isProbe) {
    // The message is not to be sent, and there is no other way out of DATA.
    for (const recipient of accepted) settle(recipient, { ...sent(data, place), dsn: '2.0.0' })
    return 'cut'
  }
  // RFC 2920 §3.1: DATA went out with the recipients; nobody takes the message, so that it is ended empty.
  if (accepted.length === 0) await dialogue.ask('.', cf.smtp_data_done_timeout)
  else return content(dialogue, place, outgoing, accepted)
  return 'done'
}

async function envelopeCommands(
  { cf, keywords, job, recipients, loggedIn }: TransactionPlace,
  outgoing: Outgoing,
): Promise<{ readonly mail: string; readonly rcpts: readonly string[] } | ContentError['result']> {
  const quoted = cf.smtp_quote_rfc821_envelope
  const words = { quoted, smtpUtf8: job.smtpUtf8 }
  const rcpts: string[] = []
  try {
    const sender = await outgoing.address(job.sender)
    for (const recipient of recipients)
      rcpts.push(rcptCommand(recipient, await outgoing.address(recipient.address), keywords, words))
    const mail = mailCommand(job, keywords, { sender, quoted, isSizeKnown: !outgoing.to7bit })
    return { mail: loggedIn && cf.smtp_send_dummy_mail_auth ? `${mail} AUTH=<>` : mail, rcpts }
  } catch (error) {
    if (error instanceof ContentError) return error.result
    throw error
  }
}

/** RFC 1870 §6.1: what is over the declared size is not sent at all. */
function overSize({ keywords, name, job }: TransactionPlace): RecipientResult | undefined {
  const limit = Number(keywords.get('SIZE')?.[0] ?? 0)
  if (!(limit > 0) || job.sizeOctets <= limit) return undefined
  const text = `message size ${job.sizeOctets} exceeds size limit ${limit} of server ${name}`
  return { status: 'bounced', dsn: '5.3.4', text }
}

async function content(
  dialogue: Dialogue,
  place: TransactionPlace,
  outgoing: Outgoing,
  accepted: readonly Recipient[],
): Promise<Ending> {
  const { cf, settle } = place
  const writer = new DataWriter()
  dialogue.doing = 'sending message body'
  try {
    for await (const some of pieces(place, outgoing))
      for (const piece of some)
        for (const part of writer.push(piece)) await dialogue.write(part, cf.smtp_data_xfer_timeout)
  } catch (error) {
    return cutOff(error, dialogue, (result) => accepted.forEach((recipient) => settle(recipient, result)))
  }
  if (dialogue.beforeDotMs !== undefined) await dialogue.pause(dialogue.beforeDotMs)
  dialogue.doing = 'sending end of data -- message may be sent more than once'
  await dialogue.write(writer.end(), cf.smtp_data_xfer_timeout)
  return settleAll(dialogue, place, accepted, await dialogue.reply(cf.smtp_data_done_timeout))
}

/** RFC 3030 §2: no DATA, and no end that could be missed. */
async function chunks(
  dialogue: Dialogue,
  place: TransactionPlace,
  outgoing: Outgoing,
  accepted: readonly Recipient[],
): Promise<Ending> {
  const { cf, name, settle } = place
  const sender = new ChunkSender(dialogue, cf)
  try {
    for await (const some of pieces(place, outgoing)) {
      const refusal = await sender.push(some)
      if (refusal === undefined) continue
      for (const recipient of accepted) settle(recipient, said(refusal, name, 'BDAT'))
      return 'reset'
    }
  } catch (error) {
    return cutOff(error, dialogue, (result) => accepted.forEach((recipient) => settle(recipient, result)))
  }
  return settleAll(dialogue, place, accepted, await sender.end())
}

/** RFC 2033 §4.2: LMTP answers the end of a message for each recipient. */
async function settleAll(
  dialogue: Dialogue,
  place: TransactionPlace,
  accepted: readonly Recipient[],
  first: Reply,
): Promise<Ending> {
  const { protocol, cf, name, settle } = place
  let end = first
  for (const [i, recipient] of accepted.entries()) {
    if (i > 0 && protocol === 'lmtp') end = await dialogue.reply(cf.smtp_data_done_timeout)
    settle(recipient, isOk(end) ? sent(end, place) : said(end, name, 'end of DATA'))
  }
  return 'done'
}

/** The message as it goes on. */
async function* pieces({ job }: TransactionPlace, outgoing: Outgoing): AsyncGenerator<readonly Buffer[]> {
  yield await outgoing.begin()
  for (let at = 0; at < job.sizeOctets;) {
    const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
    if (piece.length === 0) throw new Error(`message ${job.queueId} is shorter than its size`)
    at += piece.length
    yield await outgoing.push(piece)
  }
  yield await outgoing.end()
}

/** What has been sent must not be taken for a message. */
function cutOff(error: unknown, dialogue: Dialogue, all: (result: ContentError['result']) => void): 'cut' {
  if (!(error instanceof ContentError)) throw error
  dialogue.connection.destroy()
  all(error.result)
  return 'cut'
}

function sent(
  reply: Reply,
  { protocol, cf, keywords, name, flags }: TransactionPlace,
): Extract<RecipientResult, { status: 'sent' }> {
  return {
    status: 'sent',
    dsn: reply.enhanced ?? '2.0.0',
    text: oneLine(reply),
    dsnHandedOver: keywords.has('DSN'),
    remoteMta: name.replace(/\[.*$/, ''),
    remoteReply: oneLine(reply),
    ...(protocol === 'lmtp' && { final: cf.lmtp_assume_final }),
    ...(flags.has('X') && { final: true }),
  }
}
