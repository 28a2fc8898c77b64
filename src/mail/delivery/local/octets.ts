/** A message as commands and files get it: LF line ends, trace lines in front (Postfix: mail_copy(3)). */
import { printAddress } from '../../../formats/address/mod.ts'
import type { DeliveryJob } from '../../queue/mod.ts'
import type { Addressee } from './addressee.ts'

export interface CopyOptions {
  /** The mbox's own line: `From sender  Tue Nov 24 12:05:02 2026`. */
  readonly fromLine: boolean
  readonly deliveredTo: boolean
  /** `>` in front of lines that begin with `From `. */
  readonly escapeFrom: boolean
  /** An empty line at the end, which parts messages of an mbox. */
  readonly blankAtEnd: boolean
}

/** Octets read of the queue at a time. */
const PIECE = 256 * 1024
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const

/** asctime(3) in local time. */
export function asctime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  const day = String(date.getDate()).padStart(2, ' ')
  return `${DAYS[date.getDay()]} ${MONTHS[date.getMonth()]} ${day} ${clock} ${date.getFullYear()}`
}

/** Lines in front of the message, each ended by `eol`. */
export function traceLines(
  to: Addressee,
  options: Pick<CopyOptions, 'fromLine' | 'deliveredTo'>,
  nowMs: number,
  eol = '\n',
): string {
  const sender = printAddress(to.sender)
  const lines = [`Return-Path: <${sender}>`]
  if (options.fromLine) lines.unshift(`From ${sender || 'MAILER-DAEMON'}  ${asctime(new Date(nowMs))}`)
  if (to.original !== '') lines.push(`X-Original-To: ${printAddress(to.original)}`)
  if (options.deliveredTo) lines.push(`Delivered-To: ${printAddress(to.delivered)}`)
  return lines.map((line) => line + eol).join('')
}

/** The whole delivery, piece by piece. The message's own line ends, CRLF, become LF. */
export function* copyOf(
  job: Pick<DeliveryJob, 'read' | 'sizeOctets'>,
  to: Addressee,
  options: CopyOptions,
  nowMs: number,
): Generator<Buffer> {
  yield Buffer.from(traceLines(to, options, nowMs))
  const lines = new UnixLines(options.escapeFrom)
  for (let at = 0; at < job.sizeOctets;) {
    const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
    if (piece.length === 0) break
    at += piece.length
    yield lines.push(piece)
  }
  const end = lines.end()
  yield Buffer.from(options.blankAtEnd ? `${end}\n` : end)
}

const FROM = Buffer.from('From ')
const CR = 0x0d
const LF = 0x0a

/** CRLF to LF over pieces cut anywhere; `From ` at the start of a line is held until it is known. */
export class UnixLines {
  readonly #escape: boolean
  /** What stands at the end of a piece and cannot be judged yet: a CR, or the beginning of `From `. */
  #held = Buffer.alloc(0)
  #atLineStart = true

  constructor(escapeFrom: boolean) {
    this.#escape = escapeFrom
  }

  push(piece: Buffer): Buffer {
    const input = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece])
    const out: Buffer[] = []
    let at = 0
    this.#held = Buffer.alloc(0)
    while (at < input.length) {
      if (this.#escape && this.#atLineStart) {
        const rest = input.subarray(at, at + FROM.length)
        if (rest.length < FROM.length && FROM.subarray(0, rest.length).equals(rest)) {
          this.#held = Buffer.from(input.subarray(at))
          return Buffer.concat(out)
        }
        if (rest.equals(FROM)) out.push(Buffer.from('>'))
      }
      const lf = input.indexOf(LF, at)
      if (lf < 0) {
        const end = input.at(-1) === CR ? input.length - 1 : input.length
        out.push(input.subarray(at, end))
        this.#held = Buffer.from(input.subarray(end))
        if (end > at) this.#atLineStart = false
        break
      }
      out.push(input.subarray(at, lf > at && input[lf - 1] === CR ? lf - 1 : lf), NEWLINE)
      at = lf + 1
      this.#atLineStart = true
    }
    return Buffer.concat(out)
  }

  /** What was held, and a line end where the last line has none. */
  end(): string {
    const rest = this.#held.toString('latin1')
    this.#held = Buffer.alloc(0)
    return rest === '' && this.#atLineStart ? '' : `${rest}\n`
  }
}

const NEWLINE = Buffer.from('\n')
