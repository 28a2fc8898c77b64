/** DATA. RFC 5321 §4.1.1.4. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import { Departure } from '../input.ts'
import { begin, type ContentPhase, ContentWriter, expectEach, finish, withRecipients } from '../message.ts'
import type { Session } from '../session.ts'

export async function data(session: Session, { rest }: CommandLine): Promise<Reply | undefined> {
  const { name } = session.phase
  if (name === 'content' || name === 'refused chunks') throw new SmtpError(503, '5.5.1', 'Error: DATA after BDAT')
  const transaction = withRecipients(session)
  if (rest !== '') throw new SmtpError(501, '5.5.4', 'Syntax: DATA')
  const phase = await begin(session, transaction, true)
  await session.say({ code: 354, lines: ['End data with <CR><LF>.<CR><LF>'] })
  expectEach(session, transaction)
  const tooBig = await receive(session, phase)
  return finish(session, phase, tooBig)
}

/** Reads to the end of the data, also what is too big or cannot be kept. Answers whether it was too big. */
async function receive(session: Session, phase: ContentPhase): Promise<boolean> {
  const { input } = session
  input.begin() // smtpd_per_request_deadline: what DATA took is not taken from its content
  const writer = new ContentWriter(session, phase)
  let received = 0
  try {
    for (;;) {
      const chunk = await input.octets()
      const { content, end } = phase.reader.push(chunk)
      received += end < 0 ? chunk.length : end
      const wait = writer.write(content)
      if (wait !== undefined) await wait
      if (end < 0) continue
      input.unread(chunk.subarray(end))
      return writer.tooBig
    }
  } catch (error) {
    if (error instanceof Departure) session.where = `DATA (${received} bytes)`
    throw error
  }
}
