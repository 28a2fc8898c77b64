/** Reads commands with their literals. RFC 9051 §4.3, RFC 7888. */
import { Cursor } from '../../formats/imap/mod.ts'
import { type Literal, literalAt, segmentOf } from './command-rest.ts'
import { Bye } from './errors.ts'
import type { Session } from './session.ts'

/** A browser that was led here: what is behind it was chosen by somebody else, and what we answer would be read as a page. */
const HTTP = /^[A-Z]{3,20} \S+ HTTP\/\d|^(?:Host|User-Agent|Accept|Connection|Origin|Referer|Content-[A-Za-z]+): /i
/** Octets of a line that are looked at. */
const HTTP_OCTETS = 4096

/** A command; with a literal that is not read yet where it is run while it comes. */
export interface Command {
  readonly octets: Buffer
  readonly literal: Literal | undefined
}

/** The next command; undefined at the end, `refused` after one that was answered here. */
export async function readCommand(session: Session): Promise<Command | 'refused' | undefined> {
  const { imapd_line_limit, imapd_literal_limit } = limitsOf(session)
  const parts: Buffer[] = []
  let octets = 0
  for (;;) {
    const line = await session.input.line(imapd_line_limit)
    if (line === undefined) return undefined
    if (session.account === undefined && HTTP.test(line.toString('latin1', 0, HTTP_OCTETS)))
      throw new Bye('This is no web server')
    const literal = literalAt(line)
    const head = (last: Buffer): Buffer => (parts.length === 0 ? last : Buffer.concat([...parts, last]))
    if (literal === undefined) return { octets: head(segmentOf(line, undefined)), literal }
    const before = head(segmentOf(line, literal))
    if (isRunMeanwhile(before)) return { octets: before, literal }
    parts.push(line)
    octets += line.length + literal.length
    if (literal.length > imapd_literal_limit || octets > imapd_literal_limit + imapd_line_limit) {
      await refuseLiteral(session, tagOf(before), literal.synchronising)
      return 'refused'
    }
    if (literal.synchronising) await session.goAhead()
    const content = await session.input.exactly(literal.length)
    if (content === undefined) return undefined
    parts.push(content)
  }
}

/** What a name, a password and a response of SASL take; so many octets a connection are all that a stranger can have us keep. */
const STRANGERS_LINE = 16_384
const STRANGERS_LITERAL = 4096

function limitsOf({ account, deps }: Session): { imapd_line_limit: number; imapd_literal_limit: number } {
  const { imapd_line_limit: line, imapd_literal_limit: literal } = deps.cf
  if (account !== undefined) return { imapd_line_limit: line, imapd_literal_limit: literal }
  return {
    imapd_line_limit: Math.min(line, STRANGERS_LINE),
    imapd_literal_limit: Math.min(literal, STRANGERS_LITERAL),
  }
}

/** RFC 7888 §4: a non-synchronising literal that is not wanted cannot be stopped; the connection closes. */
async function refuseLiteral(session: Session, tag: string, synchronising: boolean): Promise<void> {
  if (!synchronising) throw new Bye('Literal is too large')
  if (session.notifications !== undefined) await session.told
  session.output.line(`${tag} NO [TOOBIG] Literal is too large`)
  await session.output.flush()
}

const RUN_MEANWHILE = /^[^ ]+ +(?:APPEND|(?:UID +)?REPLACE +\S+) /i

/** APPEND and REPLACE whose mailbox is known: the next literal is a message, and may be large. */
function isRunMeanwhile(head: Buffer): boolean {
  const [before] = RUN_MEANWHILE.exec(head.toString('latin1', 0, 300)) ?? []
  if (before === undefined) return false
  const cursor = new Cursor(head.subarray(before.length - 1))
  try {
    cursor.takeSpace()
    if (cursor.done) return false // the literal is the mailbox's name
    cursor.takeAString()
    return true
  } catch {
    return true // what is wrong is said when it is run
  }
}

function tagOf(head: Buffer): string {
  return /^[^\s(){%*"\\+]+/.exec(head.toString('latin1', 0, 200))?.[0] ?? '*'
}
