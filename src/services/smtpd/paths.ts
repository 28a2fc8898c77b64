/** The addresses of MAIL, RCPT and VRFY. */
import { parseMailbox, type Path, PathError, takePath } from '../../formats/address/mod.ts'
import { SmtpError } from '../../formats/smtp/mod.ts'
import type { Session } from './session.ts'

/** The path that a command's argument begins with; what is none gets Postfix's reply and a line in the log. */
export function pathOf(
  session: Session,
  argument: string,
  command: 'MAIL' | 'RCPT' | 'VRFY',
  declaredUtf8 = false,
): Path {
  const { cf } = session
  const path = command === 'VRFY' ? mailbox(argument) : parsed(() => takePath(argument, cf.strict_rfc821_envelopes))
  if (
    path !== undefined &&
    (path.address === '' ? command === 'MAIL' : session.deps.validAddress(path.address, declaredUtf8))
  )
    return path
  session.warn(`Illegal address syntax from ${session.nameAddress} in ${command} command: ${argument}`)
  throw command === 'MAIL'
    ? new SmtpError(501, '5.1.7', 'Bad sender address syntax')
    : new SmtpError(501, '5.1.3', 'Bad recipient address syntax')
}

/** VRFY's argument may have a name in front of the path. */
function mailbox(argument: string): Path | undefined {
  return parsed(() => ({ address: parseMailbox(argument), rest: '' }))
}

function parsed(parse: () => Path): Path | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof PathError) return undefined
    throw error
  }
}

/** A path as it came, and the parameters behind it. @param rest what stands behind the path */
export function wordsOf(argument: string, rest: string): string[] {
  const path = argument.trim()
  const parameters = rest.trim()
  return [path.slice(0, path.length - parameters.length).trim(), ...parameters.split(/\s+/)].filter((w) => w !== '')
}

/** RFC 6531 §3.5 has such an address declared; like Postfix, only strict_smtputf8 insists. */
export function checkUtf8(session: Session, address: string, declared: boolean): void {
  const { cf } = session
  if (declared || !cf.smtputf8_enable || !cf.strict_smtputf8 || !/[^\0-\x7f]/.test(address)) return
  throw new SmtpError(553, '5.6.7', 'Must declare SMTPUTF8 to send unicode address')
}
