/** postcat(1): a message of the queue, its envelope and content. */
import { getopt, lastValue } from './getopt.ts'
import { type CliIo, type Command, configDirectory } from './io.ts'
import { asked, openQueue, type QueueAccess, QueueRefusal } from './queue-access.ts'
import { ctime } from './queue-print.ts'

const USAGE =
  'usage: postcat [-b (show body content)] [-c config_dir] [-d (decimal record type)] [-e (show envelope content)] ' +
  '[-h (show header content)] [-o (print record offsets)] [-q (access queue)] [-r (raw record order)] [-s skip_offset] [-v] [file(s)...]'

interface Shown {
  readonly envelope: boolean
  readonly header: boolean
  readonly body: boolean
  /** Names of records in front. */
  readonly verbose: boolean
}

interface CatMessage {
  readonly queue: string
  readonly queueId: string
  readonly sender: string
  readonly arrivalMs: number
  readonly sizeOctets: number
  readonly ret?: string
  readonly envid?: string
  readonly body?: string
  readonly verp?: string
  readonly saslUsername: string
  readonly client?: Readonly<Record<'address' | 'name' | 'helo' | 'protocol' | 'saslMethod' | 'saslSender', string>> & { port?: number }
  readonly recipients: readonly {
    readonly address: string
    readonly original: string
    readonly orcpt?: string
    readonly notify?: readonly string[]
  }[]
}

export const postcat: Command = async (argv, io) => {
  const words = getopt(argv, 'bc:dehoqrs:v')
  const flags = new Set(words.options.map(({ letter }) => letter))
  if (words.problem !== undefined) io.err(`postcat: ${words.problem}\n`)
  if (words.problem !== undefined || (flags.has('q') && words.operands.length === 0)) return fatal(io, USAGE)
  if (!flags.has('q')) return fatal(io, 'queue files are none of this mail system: name a queue id with -q')
  for (const letter of 'dors')
    if (flags.has(letter))
      return fatal(io, `-${letter} is about records of queue files, which this mail system has none of`)
  const some = flags.has('e') || flags.has('h') || flags.has('b')
  const shown: Shown = {
    envelope: !some || flags.has('e'),
    header: !some || flags.has('h'),
    body: !some || flags.has('b'),
    verbose: flags.has('v'),
  }
  const queue = await openQueue(configDirectory(lastValue(words, 'c'), io))
  try {
    if (queue.way === 'public') return fatal(io, 'use of this command is reserved for the superuser')
    for (const queueId of words.operands) await show(queue, queueId, shown, io)
    return 0
  } catch (error) {
    if (!(error instanceof QueueRefusal)) throw error
    return fatal(io, error.message)
  } finally {
    await queue.close()
  }
}

async function show(queue: QueueAccess, queueId: string, shown: Shown, io: CliIo): Promise<void> {
  const answer = await queue.ask({ command: 'queue-message', queueId })
  if (!answer.ok) throw new QueueRefusal(`open queue file ${queueId}: No such file or directory`)
  const message = answer['message'] as CatMessage // our own server's words
  const name = `${message.queue}/${queueId}`
  if (shown.envelope)
    io.out(`*** ENVELOPE RECORDS ${name} ***\n${envelopeLines(message)}*** MESSAGE CONTENTS ${name} ***\n`)
  if (shown.header || shown.body) await showContent(queue, message, shown, io)
  if (shown.envelope) io.out(`*** HEADER EXTRACTED ${name} ***\n*** MESSAGE FILE END ${name} ***\n`)
}

function envelopeLines(m: CatMessage): string {
  const wide = (n: number): string => String(n).padStart(15)
  const lines = [
    `message_size: ${wide(m.sizeOctets)} ${wide(0)} ${wide(m.recipients.length)} ${wide(0)} ${wide(m.sizeOctets)} ${wide(0)}`,
    `message_arrival_time: ${ctime(m.arrivalMs, true)}`,
    `create_time: ${ctime(m.arrivalMs, true)}`,
  ]
  const attribute = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== '') lines.push(`named_attribute: ${name}=${value}`)
  }
  attribute('envid', m.envid)
  attribute('ret_flags', m.ret === undefined ? undefined : m.ret === 'FULL' ? '1' : '2')
  attribute('encoding', m.body === '8BITMIME' ? '8bit' : undefined)
  attribute('log_client_name', m.client?.name)
  attribute('log_client_address', m.client?.address)
  attribute('log_client_port', m.client?.port === undefined ? undefined : String(m.client.port))
  attribute('log_helo_name', m.client?.helo)
  attribute('log_protocol_name', m.client?.protocol)
  attribute('sasl_method', m.client?.saslMethod)
  attribute('sasl_username', m.saslUsername)
  attribute('sasl_sender', m.client?.saslSender)
  if (m.verp !== undefined) lines.push(`verp_delimiters: ${m.verp}`)
  lines.push(`sender: ${m.sender}`)
  for (const recipient of m.recipients) {
    attribute('dsn_orig_rcpt', recipient.orcpt)
    attribute('notify_flags', notifyFlags(recipient.notify))
    if (recipient.original !== '') lines.push(`original_recipient: ${recipient.original}`)
    lines.push(`recipient: ${recipient.address}`)
  }
  return lines.map((line) => `${line}\n`).join('')
}

/** Postfix: dsn_mask.h. */
function notifyFlags(notify: readonly string[] | undefined): string | undefined {
  const bits: Readonly<Record<string, number>> = { NEVER: 1, SUCCESS: 2, FAILURE: 4, DELAY: 8 }
  return notify === undefined ? undefined : String(notify.reduce((sum, word) => sum + (bits[word] ?? 0), 0))
}

/** The content with line ends of this system, the header section and what follows as asked for. */
async function showContent(queue: QueueAccess, message: CatMessage, shown: Shown, io: CliIo): Promise<void> {
  let inHeader = true
  let rest = ''
  const print = (line: string): void => {
    if (inHeader && !/^(?:[\x21-\x39\x3b-\x7e]+[ \t]*:|[ \t])/.test(line)) inHeader = false
    if (inHeader ? shown.header : shown.body) io.out(shown.verbose ? `regular_text: ${line}\n` : `${line}\n`)
  }
  for (let at = 0; at < message.sizeOctets;) {
    const { content } = await asked(queue, { command: 'queue-content', queueId: message.queueId, at })
    const piece = Buffer.from(String(content), 'base64')
    if (piece.length === 0) break
    at += piece.length
    const lines = (rest + piece.toString('latin1')).split('\r\n')
    rest = lines.pop() ?? ''
    for (const line of lines) print(Buffer.from(line, 'latin1').toString('utf8'))
  }
  if (rest !== '') print(Buffer.from(rest, 'latin1').toString('utf8'))
}

function fatal(io: CliIo, text: string): number {
  io.err(`postcat: fatal: ${text}\n`)
  return 1
}
