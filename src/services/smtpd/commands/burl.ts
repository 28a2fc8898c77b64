/** BURL. RFC 4468: content that stands in a mailbox here, given by a URL with URLAUTH; alone, or between chunks of BDAT. */
import { type CommandLine, type Reply, SmtpError } from '../../../formats/smtp/mod.ts'
import type { UrlContent } from '../deps.ts'
import { begin, type ContentPhase, ContentWriter, finish, withRecipients } from '../message.ts'
import type { Session } from '../session.ts'
import { refused } from './bdat.ts'

export async function burl(session: Session, { rest }: CommandLine): Promise<Reply | undefined> {
  const [, url, end] = /^(\S+)(?:\s+(LAST))?$/i.exec(rest) ?? []
  if (url === undefined) throw new SmtpError(501, '5.5.4', 'Syntax: BURL url [LAST]')
  const last = end !== undefined
  let phase: ContentPhase
  let tooBig: boolean
  try {
    const found = await resolve(session, url)
    phase = session.phase.name === 'content' ? session.phase : await begin(session, withRecipients(session), false)
    tooBig = await take(session, phase, found, last)
    if (tooBig && !last) throw new SmtpError(552, '5.3.4', 'Error: message file too big')
    if (!last) return { code: 250, enhanced: '2.5.0', lines: [`Ok: ${found.length} bytes, waiting for more`] }
  } catch (error) {
    // §3.2: the whole transaction fails.
    throw refused(session, { last }, error)
  }
  return finish(session, phase, tooBig)
}

/** §3.2: nothing is looked up where nobody would get it. */
async function resolve(session: Session, url: string): Promise<UrlContent> {
  const { cf, deps, phase, sasl } = session
  if (phase.name === 'refused chunks') throw new SmtpError(551, '5.0.0', 'Discarded after earlier error')
  withRecipients(session)
  if (sasl === undefined) throw new SmtpError(554, '5.7.8', 'URL resolution requires trust relationship')
  const found = await deps.urls?.(url, sasl.username)
  if (found === undefined) throw new SmtpError(554, '5.6.6', 'IMAP URL resolution failed')
  const before = phase.name === 'content' ? phase.submission.sizeOctets : 0
  if (cf.message_size_limit > 0 && before + found.length > cf.message_size_limit)
    throw new SmtpError(552, '5.3.4', 'Message too big for system')
  return found
}

async function take(session: Session, phase: ContentPhase, { pieces }: UrlContent, last: boolean): Promise<boolean> {
  const writer = new ContentWriter(session, phase)
  for (const piece of readable(session, pieces)) await writer.write(phase.reader.push(piece).content)
  if (last) await writer.write(phase.reader.finish())
  return writer.tooBig
}

/** What cannot be read now is no refusal for good. */
function* readable(session: Session, pieces: Iterable<Buffer>): Generator<Buffer> {
  try {
    yield* pieces
  } catch (error) {
    session.publish({ event: 'smtpd.defect', error })
    throw new SmtpError(451, '4.6.6', 'Message content not available', error)
  }
}
