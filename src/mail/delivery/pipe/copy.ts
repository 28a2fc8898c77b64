/** The message as pipe(8) writes it: the lines that flags ask for in front, records ended by `eol`, dots and From quoted. */
import { printAddress } from '../../../formats/address/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import { asctime, UnixLines } from '../local/octets.ts'
import type { PipeService } from './service.ts'

/** Octets read of the queue at a time. */
const PIECE = 256 * 1024
/** A header longer than this is not looked through for loops. */
const HEADER_LIMIT = 1024 * 1024

export function* pipeCopy(
  job: DeliveryJob,
  { flags, eol, nullSender }: Pick<PipeService, 'flags' | 'eol' | 'nullSender'>,
  nowMs: number,
): Generator<Buffer> {
  const sender = printAddress(job.sender === '' ? nullSender : job.sender)
  const [first] = job.recipients
  const lines: string[] = []
  if (flags.has('F')) lines.push(`From ${sender === '' ? 'MAILER-DAEMON' : sender}  ${asctime(new Date(nowMs))}`)
  if (flags.has('R')) lines.push(`Return-Path: <${sender}>`)
  if (flags.has('O')) lines.push(`X-Original-To: ${printAddress(first?.original || first?.address || '')}`)
  if (flags.has('D')) lines.push(`Delivered-To: ${printAddress(first?.address ?? '')}`)
  yield Buffer.from(
    lines
      .map((line) => line + '\n')
      .join('')
      .replaceAll('\n', eol),
  )
  const records = new Records(flags.has('.'), eol)
  const unix = new UnixLines(flags.has('>'))
  for (let at = 0; at < job.sizeOctets;) {
    const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
    if (piece.length === 0) break
    at += piece.length
    yield records.push(unix.push(piece))
  }
  yield records.push(Buffer.from(unix.end(), 'latin1'))
  if (flags.has('B')) yield Buffer.from(eol, 'latin1')
}

/** LF to `eol`, and a dot in front of a dot at the start of a line. */
class Records {
  readonly #dots: boolean
  readonly #eol: string
  #atLineStart = true

  constructor(dots: boolean, eol: string) {
    this.#dots = dots
    this.#eol = eol
  }

  push(octets: Buffer): Buffer {
    if (octets.length === 0 || (!this.#dots && this.#eol === '\n')) return octets
    let text = octets.toString('latin1')
    if (this.#dots) {
      const first = this.#atLineStart && text.startsWith('.') ? '.' : ''
      text = first + text.replaceAll('\n.', '\n..')
    }
    this.#atLineStart = text.endsWith('\n')
    return Buffer.from(this.#eol === '\n' ? text : text.replaceAll('\n', this.#eol), 'latin1')
  }
}

/** Addresses of the header's Delivered-To fields, folded: a recipient among them has had this message before. */
export function deliveredTo(job: Pick<DeliveryJob, 'read' | 'sizeOctets'>): ReadonlySet<string> {
  const head = job.read(0, Math.min(job.sizeOctets, HEADER_LIMIT)).toString('latin1')
  const end = head.search(/\r?\n\r?\n/)
  const header = end < 0 ? head : head.slice(0, end)
  const found = header.matchAll(/^delivered-to[ \t]*:[ \t]*(.*?)[ \t]*\r?$/gim)
  return new Set([...found].map((m) => (m[1] ?? '').toLowerCase()))
}

/** Whether the message has been delivered to the address before, by what its header says. */
export function isLoop(job: Pick<DeliveryJob, 'read' | 'sizeOctets'>, address: string): boolean {
  const seen = deliveredTo(job)
  return seen.has(address.toLowerCase()) || seen.has(printAddress(address).toLowerCase())
}
