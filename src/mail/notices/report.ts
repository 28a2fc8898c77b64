/** The message that a report is: multipart/report in the layout of Postfix's bounce(8). RFC 3464, RFC 6522, RFC 6533. */
import { saysTlsNotRequired } from '../../formats/message/mod.ts'
import { printAddress } from '../../formats/address/mod.ts'
import type { DueJob, Ended } from '../queue/mod.ts'
import { type Language, plainWords } from './plain-words.ts'
import type { Template, TemplateName } from './templates.ts'

export interface ReportFacts {
  readonly template: TemplateName
  readonly texts: Template
  /** The template's text, expanded. */
  readonly text: string
  readonly language: Language
  readonly hostname: string
  /** mail_name, as it may stand in a field's name. */
  readonly mailName: string
  /** A copy for the postmaster: without the text, and of the message only the header section. */
  readonly postmaster: boolean
  readonly to: string
  readonly queueId: string
  readonly nowMs: number
  readonly date: (ms: number) => string
  readonly sizeLimit: number
  /** The queue lifetime, for Will-Retry-Until. */
  readonly lifetimeMs: number
  /** Message-ID of the message reported, where reports are to be threaded. */
  readonly thread: string | undefined
  /** So the message reported says of itself. */
  readonly tlsNotRequired: boolean
}

export type ReportAction = 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded' | 'deliverable' | 'undeliverable'

/** Octets of a returned message that are read at a time. */
const PIECE = 256 * 1024
const WIDTH = 79

const crlf = (lines: readonly string[]): string => lines.map((line) => line + '\r\n').join('')

/** Writes the report, piece by piece. */
export async function writeReport(
  told: readonly Ended[],
  facts: ReportFacts,
  write: (octets: Buffer) => void | Promise<void>,
): Promise<void> {
  const job = told[0]?.job
  if (job === undefined) return
  const boundary = `${job.queueId}.${Math.floor(facts.nowMs / 1000)}/${facts.hostname}`
  const whole = isWhole(job, facts)
  await write(
    Buffer.from(
      crlf([
        ...head(facts, boundary),
        ...notification(told, facts, boundary),
        ...status(told, facts, boundary),
        ...original(job, facts, boundary, whole),
      ]),
    ),
  )
  await writeOriginal(job, facts, whole, write)
  await write(Buffer.from(`\r\n--${boundary}--\r\n`))
}

function head(f: ReportFacts, boundary: string): string[] {
  const { texts, hostname, postmaster, to, queueId } = f
  const reply = `${f.thread ?? ''}`
  return [
    `Date: ${f.date(f.nowMs)}`,
    `From: ${texts.from.replace(/<MAILER-DAEMON>|^MAILER-DAEMON(?= |$)/, (word) => word.replace('MAILER-DAEMON', `MAILER-DAEMON@${hostname}`))}`,
    `Subject: ${postmaster ? texts.postmasterSubject : texts.subject}`,
    `To: ${to}`,
    ...(f.tlsNotRequired ? ['TLS-Required: no'] : []), // RFC 8689 §6
    ...(reply === '' ? [] : [`References: ${reply}`, `In-Reply-To: ${reply}`]),
    `Auto-Submitted: ${postmaster ? 'auto-generated' : 'auto-replied'}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    'Content-Transfer-Encoding: 8bit',
    `Message-Id: <${queueId}@${hostname}>`,
    '',
    'This is a MIME-encapsulated message.',
    '',
  ]
}

function notification(told: readonly Ended[], f: ReportFacts, boundary: string): string[] {
  const lines = [
    `--${boundary}`,
    'Content-Description: Notification',
    // The remote server's words may be in any script.
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
  ]
  if (!f.postmaster) lines.push(...f.text.trimEnd().split('\n'))
  for (const ended of told) {
    lines.push('', ...wrapped(`${nameOf(ended.recipient)}: ${oneLine(ended.result.text)}`))
    const action = actionOf(ended, f)
    if (f.postmaster || (action !== 'failed' && action !== 'delayed')) continue
    const what = action === 'delayed' ? 'delayed' : ended.expired ? 'expired' : 'failed'
    for (const words of plainWords(ended.result.dsn, what, f.language)) lines.push(...wrapped(`    ${words}`))
  }
  return [...lines, '']
}

/** Postfix: print_quoted_address. */
function nameOf({ address, original }: Ended['recipient']): string {
  const isAlias = original !== '' && original.toLowerCase() !== address.toLowerCase()
  return `<${printAddress(address)}>${isAlias ? ` (expanded from <${printAddress(original)}>)` : ''}`
}

function status(told: readonly Ended[], f: ReportFacts, boundary: string): string[] {
  const job = told[0]!.job
  const sender = job.sender === '' ? `MAILER-DAEMON@${f.hostname}` : job.sender
  return [
    `--${boundary}`,
    'Content-Description: Delivery report',
    `Content-Type: message/${job.smtpUtf8 ? 'global-' : ''}delivery-status`,
    ...(job.smtpUtf8 ? ['Content-Transfer-Encoding: 8bit'] : []),
    '',
    `Reporting-MTA: dns; ${f.hostname}`,
    ...(job.envid === undefined ? [] : [`Original-Envelope-Id: ${job.envid}`]),
    `X-${f.mailName}-Queue-ID: ${job.queueId}`,
    `X-${f.mailName}-Sender: ${typeOf(sender, job)}; ${printAddress(sender)}`,
    `Arrival-Date: ${f.date(job.arrivalMs)}`,
    ...told.flatMap((ended) => perRecipient(ended, f)),
    '',
  ]
}

/** RFC 6533 §3: an address beyond ASCII is of another type, where it may stand at all. */
function typeOf(address: string, { smtpUtf8 }: DueJob): 'utf-8' | 'rfc822' {
  // oxlint-disable-next-line no-control-regex -- what is not ASCII
  return smtpUtf8 && /[^\0-\x7f]/.test(address) ? 'utf-8' : 'rfc822'
}

function perRecipient(ended: Ended, f: ReportFacts): string[] {
  const { recipient, result, job } = ended
  const { remoteMta, remoteReply } = result
  const original = recipient.original === '' ? recipient.address : recipient.original
  const action = actionOf(ended, f)
  return [
    '',
    `Final-Recipient: ${typeOf(recipient.address, job)}; ${printAddress(recipient.address)}`,
    `Original-Recipient: ${recipient.orcpt ?? `${typeOf(original, job)};${printAddress(original)}`}`,
    `Action: ${action}`,
    `Status: ${statusOf(ended, action)}`,
    ...(remoteMta === undefined ? [] : [`Remote-MTA: dns; ${remoteMta}`]),
    ...wrapped(
      `Diagnostic-Code: ${remoteReply === undefined ? `X-${f.mailName}` : 'smtp'}; ${oneLine(remoteReply ?? result.text)}`,
    ),
    ...(action === 'delayed' ? [`Will-Retry-Until: ${f.date(job.arrivalMs + f.lifetimeMs)}`] : []),
  ]
}

/** RFC 3464 §2.3.3. */
function actionOf({ result, recipient, expired, job }: Ended, { template }: ReportFacts): ReportAction {
  if (job.trace === 'verify' && template === 'verify') return result.status === 'sent' ? 'deliverable' : 'undeliverable'
  if (result.status === 'deferred' && !expired) return 'delayed'
  if (result.status !== 'sent') return 'failed'
  if (recipient.told !== undefined) return recipient.told
  if (result.expanded === true) return 'expanded'
  return (result.final ?? DELIVERING.has(recipient.transport)) ? 'delivered' : 'relayed'
}

/** Transports whose delivery is the last. */
const DELIVERING: ReadonlySet<string> = new Set(['local', 'virtual', 'discard'])

/** A recipient that was given up after temporary failures has failed for good: the class says so, the rest says why. */
function statusOf({ result }: Ended, action: ReportAction): string {
  return action === 'failed' ? result.dsn.replace(/^4/, '5') : result.dsn
}

/** The whole message comes back with a failure only, and only if RET and its size allow. */
function isWhole(job: DueJob, { template, postmaster, sizeLimit }: ReportFacts): boolean {
  return template === 'failure' && !postmaster && job.ret !== 'HDRS' && job.sizeOctets <= sizeLimit
}

function original(job: DueJob, { template }: ReportFacts, boundary: string, whole: boolean): string[] {
  const undelivered = template === 'failure' || template === 'delay' ? 'Undelivered ' : ''
  const type = whole
    ? `message/${job.smtpUtf8 ? 'global' : 'rfc822'}`
    : job.smtpUtf8
      ? 'message/global-headers'
      : 'text/rfc822-headers'
  return [
    `--${boundary}`,
    `Content-Description: ${undelivered}Message${whole ? '' : ' Headers'}`,
    `Content-Type: ${type}`,
    'Content-Transfer-Encoding: 8bit',
    '',
    `Return-Path: <${job.sender}>`,
  ]
}

/** The message itself, or its header section; never more than the limit. */
async function writeOriginal(
  job: DueJob,
  { sizeLimit }: ReportFacts,
  whole: boolean,
  write: (octets: Buffer) => void | Promise<void>,
): Promise<void> {
  const end = Math.min(job.sizeOctets, sizeLimit)
  for (let at = 0; at < end;) {
    const piece = job.read(at, Math.min(end, at + PIECE))
    if (piece.length === 0) return
    const blank = whole ? -1 : piece.indexOf('\r\n\r\n')
    await write(Buffer.from(blank < 0 ? piece : piece.subarray(0, blank + 2)))
    if (blank >= 0) return
    at += piece.length
  }
}

/** The message's own wish that TLS is not required of who passes it on. */
export function tlsNotRequiredBy(job: DueJob): boolean {
  return saysTlsNotRequired(job.read(0, Math.min(job.sizeOctets, PIECE)))
}

/** The Message-ID of a message, as it stands in its header section; undefined for none that can be used. */
export function messageIdOf(job: DueJob): string | undefined {
  const head = job.read(0, Math.min(job.sizeOctets, PIECE)).toString('latin1')
  const end = head.indexOf('\r\n\r\n')
  return /(?:^|\n)message-id:[ \t]*(?:\r\n[ \t]+)?(<[\x21-\x7e]{1,900}>)[ \t]*\r\n/i.exec(
    end < 0 ? head : head.slice(0, end + 2),
  )?.[1]
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ')

/** Postfix: bounce_print_wrap, lines of at most 79 characters where there are blanks to break at. */
export function wrapped(text: string): string[] {
  const indent = /^ */.exec(text)?.[0] ?? ''
  const lines: string[] = []
  let line = ''
  for (const word of text.trimStart().split(' ')) {
    const start = lines.length === 0 ? indent : '    '
    if (line !== '' && (start + line).length + 1 + word.length > WIDTH) {
      lines.push(start + line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, (lines.length === 0 ? indent : '    ') + line]
}
