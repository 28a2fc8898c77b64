/** postcat(1): a message of the queue, its envelope and content. */
import { getopt, lastValue } from './getopt.ts'
import { type CliIo, type Command, configDirectory } from './io.ts'
import { type CatMessage, type CatRecord, ContentRecords, envelopeRecords, marker } from './postcat-records.ts'
import { asked, openQueue, type QueueAccess, QueueRefusal } from './queue-access.ts'

const USAGE =
  'usage: postcat [-b (show body content)] [-c config_dir] [-d (decimal record type)] [-e (show envelope content)] ' +
  '[-h (show header content)] [-o (print record offsets)] [-q (access queue)] [-r (raw record order)] [-s skip_offset] [-v] [file(s)...]'

interface Shown {
  readonly envelope: boolean
  readonly header: boolean
  readonly body: boolean
  /** Names of records in front. */
  readonly verbose: boolean
  /** Their types as numbers. */
  readonly types: boolean
  readonly offsets: boolean
  /** Records from this offset on. */
  readonly from: number
}

export const postcat: Command = async (argv, io) => {
  const words = getopt(argv, 'bc:dehoqrs:v')
  const flags = new Set(words.options.map(({ letter }) => letter))
  if (words.problem !== undefined) io.err(`postcat: ${words.problem}\n`)
  if (words.problem !== undefined || (flags.has('q') && words.operands.length === 0)) return fatal(io, USAGE)
  if (!flags.has('q')) return fatal(io, 'queue files are none of this mail system: name a queue id with -q')
  const from = lastValue(words, 's') ?? '0'
  if (!/^\d{1,15}$/.test(from)) return fatal(io, `bad offset: ${from}`)
  const some = flags.has('e') || flags.has('h') || flags.has('b')
  // -r: there are no pointers between records here, so that they stand in order anyway.
  const shown: Shown = {
    envelope: !some || flags.has('e'),
    header: !some || flags.has('h'),
    body: !some || flags.has('b'),
    verbose: flags.has('v'),
    types: flags.has('d'),
    offsets: flags.has('o'),
    from: Number(from),
  }
  const queue = await openQueue(configDirectory(lastValue(words, 'c'), io))
  try {
    if (queue.way === 'public') return fatal(io, 'use of this command is reserved for the superuser')
    for (const queueId of words.operands) await show(queue, queueId, new Printer(shown, io))
    return 0
  } catch (error) {
    if (!(error instanceof QueueRefusal)) throw error
    return fatal(io, error.message)
  } finally {
    await queue.close()
  }
}

/** Prints records one by one, and knows where each would stand. */
class Printer {
  readonly #shown: Shown
  readonly #io: CliIo
  #offset = 0

  constructor(shown: Shown, io: CliIo) {
    this.#shown = shown
    this.#io = io
  }

  get wantsContent(): boolean {
    return this.#shown.header || this.#shown.body
  }

  title(text: string): void {
    if (this.#shown.envelope && this.#shown.from === 0) this.#io.out(`*** ${text} ***\n`)
  }

  put({ type, name, shown, length, part }: CatRecord): void {
    const { verbose, types, offsets, from } = this.#shown
    const offset = this.#offset
    this.#offset += length
    if (!this.#shown[part] || offset < from) return
    const isContent = part !== 'envelope'
    const front = [
      offsets ? `${String(offset).padStart(9)} ` : '',
      types ? `${String(type.charCodeAt(0)).padStart(3)} ` : '',
      name !== '' && (verbose || !isContent) ? `${name}: ` : '',
    ].join('')
    const end = type === 'L' && !offsets && !verbose ? '' : '\n'
    this.#io.out(Buffer.concat([Buffer.from(front), Buffer.from(shown), Buffer.from(end)]))
  }
}

async function show(queue: QueueAccess, queueId: string, printer: Printer): Promise<void> {
  const answer = await queue.ask({ command: 'queue-message', queueId })
  if (!answer.ok) throw new QueueRefusal(`open queue file ${queueId}: No such file or directory`)
  const message = answer['message'] as CatMessage // our own server's words
  const name = `${message.queue}/${queueId}`
  printer.title(`ENVELOPE RECORDS ${name}`)
  for (const record of envelopeRecords(message)) printer.put(record)
  printer.put(marker('M', `*** MESSAGE CONTENTS ${name} ***`))
  if (printer.wantsContent) await showContent(queue, message, printer)
  printer.put(marker('X', `*** HEADER EXTRACTED ${name} ***`))
  printer.put(marker('E', `*** MESSAGE FILE END ${name} ***`))
}

async function showContent(queue: QueueAccess, message: CatMessage, printer: Printer): Promise<void> {
  const records = new ContentRecords()
  for (let at = 0; at < message.sizeOctets;) {
    const { content } = await asked(queue, { command: 'queue-content', queueId: message.queueId, at })
    const piece = Buffer.from(String(content), 'base64')
    if (piece.length === 0) break
    at += piece.length
    for (const record of records.push(piece)) printer.put(record)
  }
  for (const record of records.end()) printer.put(record)
}

function fatal(io: CliIo, text: string): number {
  io.err(`postcat: fatal: ${text}\n`)
  return 1
}
