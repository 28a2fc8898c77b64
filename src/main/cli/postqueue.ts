/** postqueue(1), and mailq: list the queue, and ask for waiting mail to be sent. */
import type { ListPlace, QueuedMessage } from '../../mail/queue/mod.ts'
import { getopt, lastValue } from './getopt.ts'
import { type AddressForm, addressForm } from '../maillog/maillog.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { asked, openQueue, type QueueAccess, QueueRefusal } from './queue-access.ts'
import { QueueListing, queueJson } from './queue-print.ts'

const USAGE = 'usage: postqueue -f | postqueue -i queueid | postqueue -j | postqueue -p | postqueue -s site'

/** Every message of the queue; one that came in pieces is put together. */
export async function* queueMessages(queue: QueueAccess): AsyncGenerator<QueuedMessage> {
  let open: QueuedMessage | undefined
  for (let from: ListPlace | undefined, first = true; first || from !== undefined; first = false) {
    const answer = await asked(queue, { command: 'queue-list', ...(from !== undefined && { from }) })
    // Our own server's words.
    const { messages, next } = answer as unknown as { messages: QueuedMessage[]; next?: ListPlace }
    for (const message of messages) {
      if (open?.queueId === message.queueId) open = { ...open, recipients: [...open.recipients, ...message.recipients] }
      else {
        if (open !== undefined) yield open
        open = message
      }
    }
    from = next
  }
  if (open !== undefined) yield open
}

export const postqueue: Command = async (argv, io) => {
  const words = getopt(argv, 'c:fi:jps:v')
  const modes = words.options.filter(({ letter }) => 'fijps'.includes(letter))
  if (words.problem !== undefined) io.err(`postqueue: ${words.problem}\n`)
  const [mode] = modes
  if (words.problem !== undefined || mode === undefined || modes.length > 1 || words.operands.length > 0) {
    io.err(`postqueue: fatal: ${USAGE}\n`)
    return EX.unavailable
  }
  return runPostqueue(mode.letter, mode.value, configDirectory(lastValue(words, 'c'), io), io)
}

/** mailq takes no words that matter: sendmail's are let pass. */
export const mailq: Command = (argv, io) => {
  const words = getopt(argv, 'c:C:v')
  return runPostqueue('p', '', configDirectory(lastValue(words, 'c') ?? lastValue(words, 'C'), io), io)
}

/** @param letter one of f, i, j, p, s */
export async function runPostqueue(letter: string, value: string, directory: string, io: CliIo): Promise<number> {
  if (letter === 'i' && !/^[0-9A-Za-z]+$/.test(value)) {
    io.err(`postqueue: fatal: Cannot flush queue ID - invalid name: "${value}"\n`)
    return EX.unavailable
  }
  const queue = await openQueue(directory)
  try {
    return letter === 'p' || letter === 'j'
      ? await list(queue, letter, shown(directory), io)
      : await flush(queue, letter, value, io)
  } catch (error) {
    if (!(error instanceof QueueRefusal)) throw error
    io.err(`postqueue: fatal: ${error.message}\n`)
    return EX.unavailable
  } finally {
    await queue.close()
  }
}

/** Addresses as the log has them. */
const shown = (directory: string): AddressForm => addressForm(readConfig({ directory }))

async function list(queue: QueueAccess, letter: 'p' | 'j', form: AddressForm, io: CliIo): Promise<number> {
  if (queue.way === 'none') throw new QueueRefusal('Queue report unavailable - mail system is down')
  if (queue.way === 'database') io.err('postqueue: warning: Mail system is down -- accessing queue directly\n')
  const listing = new QueueListing((text) => io.out(text))
  for await (const internal of queueMessages(queue)) {
    const message = {
      ...internal,
      sender: form(internal.sender),
      recipients: internal.recipients.map((one) => ({ ...one, address: form(one.address) })),
    }
    if (letter === 'j') io.out(queueJson(message))
    else listing.add(message)
  }
  if (letter === 'p') listing.end()
  return EX.ok
}

async function flush(queue: QueueAccess, letter: string, value: string, io: CliIo): Promise<number> {
  if (queue.way === 'none' || queue.way === 'database') {
    io.err('postqueue: fatal: Cannot flush mail queue - mail system is down\n')
    return EX.unavailable
  }
  const what = letter === 's' ? { site: value } : letter === 'i' ? { queueId: value } : {}
  await asked(queue, { command: 'queue-flush', ...what })
  return EX.ok
}
