/**
 * The dialogue: greeting, then one command at a time until the session ends. The one place that turns errors into
 * replies, counts them, and says goodbye.
 */
import { printable } from '#src/base/mod.ts'
import { type CommandLine, lineText, parseCommand, type Reply, SmtpError } from '../../formats/smtp/mod.ts'
import { LogBrokenError } from '../../io/blobs/mod.ts'
import { TableError } from '../../io/tables/mod.ts'
import { commands, type Row } from './commands/mod.ts'
import { escaped } from './escaped.ts'
import { admit } from './greeting.ts'
import { lmtpCommands } from './lmtp/commands.ts'
import { Departure, type Line } from './input.ts'
import { tellUnknown } from './milters.ts'
import { bareNewlineError, ExcusedError, type Session, VerdictError } from './session.ts'

/** Octets of a client's line or of its early input that go to the log. */
const LOGGED_OCTETS = 100

export async function converse(session: Session): Promise<void> {
  try {
    await admit(session)
    while (session.open) await turn(session)
    await session.flush()
  } catch (error) {
    depart(session, error)
  } finally {
    end(session)
  }
}

/** Reads one line and answers it. */
async function turn(session: Session): Promise<void> {
  const { cf, input } = session
  session.repliesDue = 1
  if (session.errors >= cf.smtpd_hard_error_limit) {
    return goodbye(session, '4.7.0', 'Error: too many errors', 'too many errors')
  }
  input.begin()
  const line = input.takeLine(cf.line_length_limit) ?? (await input.line(cf.line_length_limit))
  session.history?.heard(line.octets)
  let command: CommandLine | undefined
  try {
    command = await understand(session, line)
  } catch (error) {
    return refuse(session, error)
  }
  if (command !== undefined) await execute(session, command)
}

/** The command of a line; undefined where it has been answered. Throws SmtpError for what is none. */
async function understand(session: Session, line: Line): Promise<CommandLine | undefined> {
  const { cf, shared } = session
  if (line.bareLf && session.bareNewline !== 'normalize' && session.bareNewline !== 'no') bareNewline(session)
  if (line.tooLong) {
    const start = line.octets.toString('latin1', 0, 30)
    session.warn(`${session.nameAddress}: request longer than ${cf.line_length_limit}: ${printable(start)}...`)
    // Departs from Postfix, which runs what is left of the command after the cut: RFC 5321 §4.5.3.1.9.
    throw new SmtpError(500, '5.5.2', 'Error: line too long')
  }
  let text = cf.smtputf8_enable ? lineText(line.octets) : line.octets.toString()
  if (text !== undefined && shared.lists.commandFilter !== undefined) {
    text = (await shared.lists.commandFilter.get(text.trimStart())) ?? text
  }
  const command = text === undefined ? undefined : parseCommand(text)
  // A NUL would end the line for programs in C, and not for others.
  if (command?.verb === '' || command?.text.includes('\0') === true) {
    throw new SmtpError(500, '5.5.2', 'Error: bad syntax')
  }
  if (command === undefined) throw new SmtpError(500, '5.5.2', 'Error: bad UTF-8 syntax')
  if (!shared.lists.noopCommands.has(command.verb)) return command
  await session.say({ code: 250, enhanced: '2.0.0', lines: ['Ok'] })
  countJunk(session)
  return undefined
}

/** smtpd_forbid_bare_newline = reject or note. */
function bareNewline(session: Session): void {
  if (session.bareNewline === 'note') {
    session.publish({
      event: 'smtpd.bare_newline',
      where: session.where,
    })
    return
  }
  session.reject(session.where, 'bare <LF> received')
  session.open = false // what follows cannot be told apart from what an attacker put in
  throw bareNewlineError(session)
}

async function execute(session: Session, command: CommandLine): Promise<void> {
  const known = (session.deps.lmtp === undefined ? commands : lmtpCommands).get(command.verb)
  const row = known?.isOffered?.(session) === false ? undefined : known
  const count = session.counts.begin(row === undefined ? 'unknown' : command.verb)
  session.where = row === undefined ? 'UNKNOWN' : command.verb
  try {
    const reply = await run(session, row, command)
    if (reply !== undefined) await session.say(reply)
    if (reply === undefined || reply.code < 400) count.ok++
    else session.errors++
  } catch (error) {
    if (error instanceof ExcusedError) count.ok++
    await refuse(session, error)
  }
  if (row?.junk === true) countJunk(session)
  if (ENDS_HISTORY.has(command.verb)) session.tellPostmaster(session.cf.smtpd_history_flush_threshold)
}

const ENDS_HISTORY: ReadonlySet<string> = new Set(['EHLO', 'RSET', 'DATA'])

/** What holds for many commands, checked before each runs. */
function run(
  session: Session,
  row: Row | undefined,
  command: CommandLine,
): Reply | undefined | Promise<Reply | undefined> {
  if (session.denied && command.verb !== 'QUIT') {
    throw new SmtpError(503, '5.7.0', `Error: access denied for ${session.nameAddress}`)
  }
  if (row === undefined) return unknown(session, command)
  if (session.tlsRequired && row.beforeTls !== true) {
    throw new SmtpError(530, '5.7.0', 'Must issue a STARTTLS command first')
  }
  if (!session.input.empty && (row.endsGroup === true || !session.esmtp)) tooEarly(session, command.verb)
  return row.run(session, command)
}

/** RFC 2920 §3.1: behind some commands, and behind any without EHLO, a client waits for the reply. */
function tooEarly(session: Session, verb: string): void {
  const input = escaped(session.input.peek(LOGGED_OCTETS))
  session.publish({
    event: 'smtpd.pipelining',
    where: verb,
    input,
  })
  if (!session.cf.smtpd_forbid_unauth_pipelining) return
  session.open = false
  throw new SmtpError(554, '5.5.0', 'Error: SMTP protocol synchronization')
}

async function unknown(session: Session, { verb, text }: CommandLine): Promise<Reply> {
  const isLabel = /^[A-Za-z0-9_-]*:/.test(verb) // a message's header field
  if (!isLabel && !(await session.shared.lists.forbids(verb, text))) {
    if (session.milters !== undefined) await tellUnknown(session, verb)
    throw new SmtpError(500, '5.5.2', 'Error: command not recognized')
  }
  session.warn(`non-SMTP command from ${session.nameAddress}: ${printable(text.slice(0, LOGGED_OCTETS))}`)
  session.open = false
  throw new ForbiddenError(221, '2.7.0', 'Error: I can break rules, too. Goodbye.')
}

/** Said with 221, and yet no success. */
class ForbiddenError extends SmtpError {}

function countJunk(session: Session): void {
  if (session.junk++ > session.cf.smtpd_junk_command_limit) session.errors++
}

/** Answers an error, and ends the session where it must. */
async function refuse(session: Session, error: unknown): Promise<void> {
  if (error instanceof Departure) throw error
  if (error instanceof LogBrokenError) {
    // Whether the message was kept is not known: the client hears nothing, and tries again (rule 4 of the log).
    session.publish({ event: 'smtpd.defect', error })
    session.connection.destroy()
    throw Departure.lostConnection
  }
  const reply = replyTo(session, error)
  if (!(error instanceof ExcusedError)) session.errors++
  for (let n = session.repliesDue; n > 0; n--) await session.say(reply)
  const hangUp = error instanceof VerdictError && error.verdict.disconnect === true
  if (hangUp || reply.code === 421 || reply.code === 521) session.open = false
}

function replyTo(session: Session, error: unknown): Reply {
  if (error instanceof VerdictError && error.verdict.reply !== undefined) return error.verdict.reply
  if (error instanceof SmtpError) return error.reply
  if (error instanceof TableError) {
    session.warn(error.message)
    return { code: 421, enhanced: '4.3.0', lines: [`${session.cf.myhostname} Server local data error`] }
  }
  session.publish({ event: 'smtpd.defect', error })
  return { code: 451, enhanced: '4.3.0', lines: ['Error: internal error'] }
}

async function goodbye(session: Session, status: '4.7.0' | '4.4.2', text: string, what: string): Promise<void> {
  session.open = false
  ended(session, what)
  await session.say({ code: 421, enhanced: status, lines: [`${session.cf.myhostname} ${text}`] })
}

function ended(session: Session, what: string): void {
  if (session.history !== undefined) session.history.aborted = what
  session.publish({
    event: 'smtpd.ended',
    what,
    where: session.where,
  })
}

/** The client is gone or silent, or something broke between two commands. */
function depart(session: Session, error: unknown): void {
  if (!(error instanceof Departure)) {
    session.publish({ event: 'smtpd.defect', error })
    return
  }
  // A client that leaves after its message without QUIT is so common that Postfix does not log it.
  if (error.how === 'timeout' || session.where !== 'END-OF-MESSAGE') ended(session, error.how)
  if (error.how === 'timeout') {
    session.connection.write(`421 4.4.2 ${session.cf.myhostname} Error: timeout exceeded\r\n`)
  }
}

function end(session: Session): void {
  if (session.helo !== undefined) session.milters?.abort()
  session.reset()
  session.tellPostmaster(0)
  session.milters?.disconnect()
  if (session.counted) session.shared.rates.closed(session.rateKey(session.origin))
  session.publish({
    event: 'smtpd.disconnect',
    counts: session.counts.toString(),
  })
  session.connection.end()
}
