/** Listings of the queue as `mailq` and `postqueue -j` print them. Postfix: showq(8), postqueue(1). */
import { printable } from '#src/base/mod.ts'
import type { QueuedMessage } from '../../mail/queue/mod.ts'

const HEAD = '----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n'
const NAME_WIDTH = 17
const SIZE_WIDTH = 8
const TIME_WIDTH = 20
/** Where a reason ends. */
const REASON_WIDTH = 76
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** ctime(3) without its year, or with it: `Tue Nov 24 12:06:04 2026`. */
export function ctime(ms: number, year = false): string {
  const d = new Date(ms)
  const two = (n: number): string => String(n).padStart(2, '0')
  const text = `${DAYS[d.getDay()]} ${MONTHS[d.getMonth()]} ${String(d.getDate()).padStart(2)} ${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`
  return year ? `${text} ${d.getFullYear()}` : text
}

/** Prints messages as they come; `end` says how many there were. */
export class QueueListing {
  readonly #out: (text: string) => void
  #messages = 0
  #octets = 0

  constructor(out: (text: string) => void) {
    this.#out = out
  }

  add(message: QueuedMessage): void {
    if (this.#messages === 0) this.#out(HEAD)
    this.#messages++
    this.#octets += message.sizeOctets
    const place = message.queue === 'hold' ? '!' : message.queue === 'active' ? '*' : ''
    const mark = message.forcedExpire ? `${place}#` : place
    const name = (message.queueId + mark).padEnd(NAME_WIDTH)
    const size = String(message.sizeOctets).padStart(SIZE_WIDTH)
    const lines = [`${name} ${size} ${ctime(message.arrivalMs).padEnd(TIME_WIDTH)}${sender(message)}\n`]
    let reason = ''
    for (const recipient of message.recipients) {
      if (recipient.reason !== '' && recipient.reason !== reason) {
        reason = recipient.reason
        const text = printable(reason)
        lines.push(`${' '.repeat(Math.max(0, REASON_WIDTH - text.length))}(${text})\n`)
      }
      lines.push(`${' '.repeat(NAME_WIDTH + 1 + SIZE_WIDTH + 1 + TIME_WIDTH)}${printable(recipient.address)}\n`)
    }
    this.#out(lines.join('') + '\n')
  }

  end(): void {
    if (this.#messages === 0) this.#out('Mail queue is empty\n')
    else {
      const kbytes = Math.floor(this.#octets / 1024)
      this.#out(`-- ${kbytes} Kbytes in ${this.#messages} Request${this.#messages === 1 ? '' : 's'}.\n`)
    }
  }
}

/** One line of `postqueue -j`. */
export function queueJson(message: QueuedMessage): string {
  const recipients = message.recipients.map(({ address, reason }) =>
    reason === ''
      ? `{"address": ${JSON.stringify(address)}}`
      : `{"address": ${JSON.stringify(address)}, "delay_reason": ${JSON.stringify(reason)}}`,
  )
  const members = [
    `"queue_name": "${message.queue}"`,
    `"queue_id": ${JSON.stringify(message.queueId)}`,
    `"arrival_time": ${Math.floor(message.arrivalMs / 1000)}`,
    `"message_size": ${message.sizeOctets}`,
    `"forced_expire": ${message.forcedExpire}`,
    `"sender": ${JSON.stringify(sender(message))}`,
    `"recipients": [${recipients.join(', ')}]`,
  ]
  return `{${members.join(', ')}}\n`
}

const sender = (message: QueuedMessage): string => (message.sender === '' ? 'MAILER-DAEMON' : printable(message.sender))
