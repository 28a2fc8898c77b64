/** Commands with what a server offers, and results in smtp(8)'s words. RFC 5321, RFC 3461, RFC 6152, RFC 6531. */
import { printable } from '#src/base/mod.ts'
import { encodeUnitext, encodeXtext, type Reply } from '../../../formats/smtp/mod.ts'
import type { DeliveryJob, RecipientResult } from '../../queue/mod.ts'
import type { Dialogue, DialogueError } from './dialogue.ts'

export type Keywords = ReadonlyMap<string, readonly string[]>

export type Failure = Exclude<RecipientResult, { status: 'sent' }>

/** @param sender as this server is to see it. @param isSizeKnown whether the message goes as large as it is */
export function mailCommand(
  job: DeliveryJob,
  keywords: Keywords,
  { sender, quoted, isSizeKnown }: { readonly sender: string; readonly quoted: boolean; readonly isSizeKnown: boolean },
): string {
  const { sizeOctets, smtpUtf8, ret, envid, body } = job
  const words = [`MAIL FROM:<${quoted ? wire(sender) : sender}>`]
  if (keywords.has('SIZE') && isSizeKnown) words.push(`SIZE=${sizeOctets}`)
  if (keywords.has('8BITMIME') && body !== undefined && body !== 'BINARYMIME') words.push(`BODY=${body}`)
  if (keywords.has('DSN')) {
    if (envid !== undefined) words.push(`ENVID=${encodeXtext(envid)}`)
    if (ret !== undefined) words.push(`RET=${ret}`)
  }
  if (keywords.has('SMTPUTF8') && smtpUtf8) words.push('SMTPUTF8')
  return command(words)
}

export function rcptCommand(
  recipient: DeliveryJob['recipients'][number],
  address: string,
  keywords: Keywords,
  { quoted, smtpUtf8 }: { readonly quoted: boolean; readonly smtpUtf8: boolean },
): string {
  const words = [`RCPT TO:<${quoted ? wire(address) : address}>`]
  const { notify } = recipient
  if (keywords.has('DSN')) {
    words.push(`ORCPT=${originalRecipient(recipient, smtpUtf8)}`)
    if (notify !== undefined) words.push(`NOTIFY=${notify.join(',')}`)
  }
  return command(words)
}

/** One line, whatever an address holds: what a table or a filter brought in must not begin another command. */
const command = (words: readonly string[]): string => printable(words.join(' '))

/** As the client gave it, else the address that it gave: what reports are about. RFC 3461 §5.2.1, RFC 6533 §3. */
function originalRecipient({ orcpt, original, address }: DeliveryJob['recipients'][number], smtpUtf8: boolean): string {
  const given = original === '' ? address : original
  const type = smtpUtf8 && BEYOND_ASCII.test(given) ? 'utf-8' : 'rfc822'
  const whole = orcpt ?? `${type};${wire(given)}`
  const behind = whole.indexOf(';') + 1
  const encode = /^utf-8;/i.test(whole) ? encodeUnitext : encodeXtext
  return whole.slice(0, behind) + encode(whole.slice(behind))
}

// oxlint-disable-next-line no-control-regex -- what is not ASCII
const BEYOND_ASCII = /[^\0-\x7f]/

/** A local part that is no dot-atom is quoted. RFC 5321 §4.1.2. */
export function wire(address: string): string {
  const at = address.lastIndexOf('@')
  const local = at < 0 ? address : address.slice(0, at)
  if (local === '' || /^[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+(\.[\w!#$%&'*+/=?^`{|}~\u0080-\uffff-]+)*$/.test(local))
    return address
  return `"${local.replace(/["\\]/g, '\\$&')}"${at < 0 ? '' : address.slice(at)}`
}

export const oneLine = ({ code, lines, text = `${code} ${lines.join(' ')}` }: Reply): string =>
  text.replaceAll('\n', ' ')

/** @param peer `host[address]` */
export function said(reply: Reply, peer: string, command: string): Failure {
  return refused(reply, peer, `host ${peer} said: ${oneLine(reply)} (in reply to ${command} command)`)
}

export function refused(reply: Reply, peer: string, text: string, soft = false): Failure {
  const kind = Math.floor(reply.code / 100)
  // Neither a yes nor a no: a protocol error, and that is a no.
  const dsn = kind === 4 || kind === 5 ? (reply.enhanced ?? `${kind}.0.0`) : '5.5.0'
  const isSoft = kind === 4 || (soft && kind === 5)
  return {
    status: isSoft ? 'deferred' : 'bounced',
    dsn: isSoft ? dsn.replace(/^\d/, '4') : dsn,
    text: kind === 2 ? `Protocol error: ${text}` : text,
    remoteMta: peer.replace(/\[.*$/, ''),
    remoteReply: oneLine(reply),
  }
}

export const deferred = (dsn: string, text: string): Failure => ({ status: 'deferred', dsn, text })

export function brokenOff(error: DialogueError, dialogue: Dialogue, peer: string): Failure {
  switch (error.why) {
    case 'lost':
      return deferred('4.4.2', `lost connection with ${peer} while ${dialogue.doing}`)
    case 'timeout':
      return deferred('4.4.2', `conversation with ${peer} timed out while ${dialogue.doing}`)
    case 'protocol':
      return deferred('4.5.0', `protocol error from ${peer} while ${dialogue.doing}: ${error.message}`)
    case 'data':
      return deferred('4.3.0', `local data error while talking to ${peer}`)
    default:
      return error.why satisfies never
  }
}
