/** BDAT. RFC 3030; as in Postfix, a refused chunk refuses those that follow it, up to the last. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { Departure } from '../input.ts'
import { begin, type ContentPhase, ContentWriter, expectEach, finish, withRecipients } from '../message.ts'
import type { Session } from '../session.ts'
import { IDLE } from '../transaction.ts'
import { discardedKeywords } from './helo.ts'

interface Chunk {
  readonly size: number
  readonly last: boolean
}

export async function bdat(session: Session, command: CommandLine): Promise<Reply | undefined> {
  const chunk = await announced(session, command)
  if (chunk.last) expectEach(session, session.transaction)
  let phase: ContentPhase
  try {
    phase = await accept(session, chunk)
  } catch (error) {
    // Its octets are on their way all the same, and must not be taken for commands.
    await skip(session, chunk.size)
    throw refused(session, chunk, error)
  }
  const tooBig = await receive(session, phase, chunk)
  if (tooBig && !chunk.last) throw refused(session, chunk, new SmtpError(552, '5.3.4', 'Error: message file too big'))
  if (!chunk.last) return { code: 250, enhanced: '2.0.0', lines: [`Ok: ${chunk.size} bytes`] }
  const reply = await finish(session, phase, tooBig)
  if (reply === undefined || session.deps.beforeQueue !== undefined) return reply
  const { sizeOctets } = phase.submission
  return { ...reply, lines: reply.lines.map((line) => line.replace(/^Ok: queued/, `Ok: ${sizeOctets} bytes queued`)) }
}

/** 521 hangs up: how many octets follow a command that was not understood, nobody knows. */
async function announced(session: Session, { rest, text }: CommandLine): Promise<Chunk> {
  if ((await discardedKeywords(session)).has('CHUNKING')) {
    throw new SmtpError(521, '5.5.1', 'Error: command not implemented')
  }
  const [, digits, last] = /^(\d{1,15})(?:\s+(LAST))?$/i.exec(rest) ?? []
  if (digits !== undefined) return { size: Number(digits), last: last !== undefined }
  const queueId = session.transaction?.queueId ?? 'NOQUEUE'
  session.warn(`${queueId}: malformed BDAT command syntax from ${session.nameAddress}: ${text.slice(0, 100)}`)
  throw new SmtpError(521, '5.5.4', 'Syntax: BDAT count [LAST]')
}

async function accept(session: Session, { size, last }: Chunk): Promise<ContentPhase> {
  const queueId = session.transaction?.queueId ?? 'NOQUEUE'
  if (size === 0 && !last) {
    session.warn(`${queueId}: null BDAT request from ${session.nameAddress}`)
    throw new SmtpError(551, '5.7.1', 'Null BDAT request')
  }
  if (session.phase.name === 'refused chunks') {
    throw new SmtpError(551, '5.0.0', `Discarded ${size} bytes after earlier error`)
  }
  const transaction = withRecipients(session)
  const before = session.phase.name === 'content' ? session.phase.submission.sizeOctets : 0
  const limit = session.cf.message_size_limit
  if (limit > 0 && before + size > limit) {
    session.warn(`${queueId}: BDAT request from ${session.nameAddress} exceeds message size limit`)
    throw new SmtpError(552, '5.3.4', 'Chunk exceeds message size limit')
  }
  return session.phase.name === 'content' ? session.phase : begin(session, transaction, false)
}

/** The message is given up; unless this was the last chunk, those that follow are too. */
export function refused(session: Session, { last }: Pick<Chunk, 'last'>, error: unknown): unknown {
  const { transaction } = session
  session.reset()
  session.phase = last ? IDLE : { name: 'refused chunks', transaction }
  return error
}

async function receive(session: Session, phase: ContentPhase, { size, last }: Chunk): Promise<boolean> {
  const writer = new ContentWriter(session, phase)
  await take(session, size, (octets) => writer.write(phase.reader.push(octets).content))
  if (last) await writer.write(phase.reader.finish())
  return writer.tooBig
}

function skip(session: Session, size: number): Promise<void> {
  return take(session, size, () => undefined)
}

/** Takes exactly `size` octets from the input. */
async function take(session: Session, size: number, use: (octets: Buffer) => void | Promise<void>): Promise<void> {
  const { input } = session
  let left = size
  try {
    while (left > 0) {
      const chunk = await input.octets()
      const octets = chunk.length > left ? chunk.subarray(0, left) : chunk
      if (octets !== chunk) input.unread(chunk.subarray(left))
      left -= octets.length
      const wait = use(octets)
      if (wait !== undefined) await wait
    }
  } catch (error) {
    if (error instanceof Departure) session.where = `BDAT (${size - left} bytes)`
    throw error
  }
}
