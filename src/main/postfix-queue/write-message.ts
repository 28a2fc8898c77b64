/** A message of our queue as a queue file of Postfix, as cleanup(8) would have left it. */
import type { DueJob } from '../../mail/queue/mod.ts'
import { writeRecord } from './records.ts'

/** Octets read of the content at a time. */
const PIECE = 1024 * 1024
/** Postfix's line_length_limit: a longer line stands in several records. */
const LINE_LIMIT = 2048
const NOTIFY: Readonly<Record<string, number>> = { NEVER: 1, SUCCESS: 2, FAILURE: 4, DELAY: 8 }
const LF = 0x0a

/**
 * @param sender of these recipients; VERP's is made by whoever delivers
 * @param warningMs delay_warning_time; 0: never
 */
export function* queueFile(job: DueJob, sender: string, warningMs: number): Generator<Buffer> {
  const envelope = envelopeOf(job, sender, warningMs)
  // Postfix: qmgr(8) leaps over so many octets of records, not of text.
  let content = 0
  for (const { length } of contentRecords(job)) content += length
  const size = (at: number): Buffer => {
    const numbers = [content, at, job.recipients.length, 0, content, job.smtpUtf8 ? 1 : 0]
    return writeRecord('C', numbers.map((n) => String(n).padStart(15)).join(' '))
  }
  const start = writeRecord('M', '')
  // Its numbers have the same width whatever they are.
  yield size(size(0).length + envelope.length + start.length)
  yield envelope
  yield start
  yield* contentRecords(job)
  yield writeRecord('X', '')
  yield writeRecord('E', '')
}

function envelopeOf(job: DueJob, sender: string, warningMs: number): Buffer {
  const { arrivalMs, envid, ret, body, verp, client, saslUsername, recipients } = job
  const seconds = Math.floor(arrivalMs / 1000)
  return Buffer.concat([
    writeRecord('T', `${seconds} ${(arrivalMs % 1000) * 1000}`),
    ...attribute('create_time', String(seconds)),
    ...attribute('envelope_id', envid),
    ...attribute('ret_flags', ret === undefined ? undefined : ret === 'FULL' ? '1' : '2'),
    ...attribute('encoding', body === '8BITMIME' ? '8bit' : undefined),
    ...attribute('rewrite_context', client === undefined || client.local === true ? 'local' : 'remote'),
    ...(verp === undefined ? [] : [writeRecord('V', verp)]),
    writeRecord('S', sender),
    ...warning(job, warningMs),
    ...attribute('log_client_name', client?.name),
    ...attribute('log_client_address', client?.address),
    ...attribute('log_client_port', client?.port === undefined ? undefined : String(client.port)),
    ...attribute('log_helo_name', client?.helo),
    ...attribute('log_protocol_name', client?.protocol),
    ...attribute('sasl_method', client?.saslMethod),
    ...attribute('sasl_username', saslUsername),
    ...attribute('sasl_sender', client?.saslSender),
    ...recipients.flatMap(({ address, original, notify, orcpt, task, delivered }) => [
      ...attribute('notify_flags', notify && String(notify.reduce((sum, word) => sum + (NOTIFY[word] ?? 0), 0))),
      ...attribute('dsn_orig_rcpt', orcpt ?? `rfc822;${original === '' ? address : original}`),
      writeRecord('O', original === '' ? address : original),
      // A command or file of an alias: Postfix follows the alias once more.
      writeRecord('R', task === undefined ? address : (delivered ?? address)),
    ]),
  ])
}

/** When the sender is to be told of a delay; below 0: that was done. */
function warning({ arrivalMs, warned }: DueJob, warningMs: number): Buffer[] {
  if (warningMs === 0) return []
  const seconds = warned ? -1 : Math.floor((arrivalMs + warningMs) / 1000)
  return [writeRecord('W', String(seconds).padStart(15))]
}

function attribute(name: string, value: string | undefined): Buffer[] {
  return value === undefined || value === '' ? [] : [writeRecord('A', `${name}=${value}`)]
}

function* contentRecords(job: DueJob): Generator<Buffer> {
  let rest: Buffer = Buffer.alloc(0)
  for (let at = 0; at < job.sizeOctets;) {
    const piece = job.read(at, Math.min(job.sizeOctets, at + PIECE))
    if (piece.length === 0) break
    at += piece.length
    const octets = rest.length === 0 ? piece : Buffer.concat([rest, piece])
    let from = 0
    for (let lf; (lf = octets.indexOf(LF, from)) >= 0; from = lf + 1)
      yield* lineRecords(octets.subarray(from, lf > from && octets[lf - 1] === 0x0d ? lf - 1 : lf), 'N')
    rest = Buffer.from(octets.subarray(from))
  }
  if (rest.length > 0) yield* lineRecords(rest, 'N')
}

function* lineRecords(line: Buffer, last: string): Generator<Buffer> {
  let rest = line
  for (; rest.length > LINE_LIMIT; rest = rest.subarray(LINE_LIMIT))
    yield writeRecord('L', rest.subarray(0, LINE_LIMIT))
  yield writeRecord(last, rest)
}
