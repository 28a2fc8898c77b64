/** Clients that hand in numbered messages, at a pace, until each is accepted. */
import type { Books } from './books.ts'
import { Gone, Lines, persist, sleep } from './lines.ts'

export interface Sending {
  readonly port: number
  readonly sessions: number
  /** Messages a second of all together; infinite: as fast as it goes. */
  readonly rate: () => number
  readonly recipient: (n: number) => string
  readonly octets: (n: number) => number
  readonly isOver: () => boolean
}

/** Messages on one connection before it makes way for another. */
const MESSAGES_A_SESSION = 200
/** After a refusal for now. */
const AGAIN_MS = 250

export async function sendAll(books: Books, sending: Sending): Promise<void> {
  const pace = new Pace(sending.rate)
  await Promise.all(Array.from({ length: sending.sessions }, () => sender(books, sending, pace)))
}

/** Gives turns so that no second has more of them than the rate. */
class Pace {
  readonly #rate: () => number
  #next = performance.now()

  constructor(rate: () => number) {
    this.#rate = rate
  }

  async turn(): Promise<void> {
    const now = performance.now()
    // What was missed while a server was away is not made good all at once.
    this.#next = Math.max(this.#next, now - 1000) + 1000 / this.#rate()
    if (this.#next > now) await sleep(this.#next - now)
  }
}

/** Sees the message that it has through, whatever the clock says. */
async function sender(books: Books, sending: Sending, pace: Pace): Promise<void> {
  let n: number | undefined
  const isOver = (): boolean => n === undefined && sending.isOver()
  await persist(isOver, async () => {
    const lines = await Lines.open(sending.port)
    try {
      await reply(lines)
      await ask(lines, 'EHLO soak.test')
      for (let done = 0; done < MESSAGES_A_SESSION && !isOver(); done++) {
        if (n === undefined) {
          await pace.turn()
          n = books.next()
        }
        if (await transaction(books, lines, n, sending)) n = undefined
        else await sleep(AGAIN_MS)
      }
      lines.say('QUIT\r\n')
    } finally {
      lines.close()
    }
  })
}

/** True: accepted; false: put off. Throws Gone where the server goes away, having noted what may be there. */
async function transaction(books: Books, lines: Lines, n: number, { recipient, octets }: Sending): Promise<boolean> {
  lines.say(`MAIL FROM:<outside@else.test>\r\nRCPT TO:<${recipient(n)}>\r\nDATA\r\n`)
  const codes = [await reply(lines), await reply(lines), await reply(lines)]
  if (codes[2] !== '3') {
    await ask(lines, 'RSET')
    return false
  }
  lines.say(`Subject: soak ${n}.\r\nMessage-ID: <${n}@soak.test>\r\n\r\n${body(octets(n))}.\r\n`)
  try {
    const isTaken = (await reply(lines)) === '2'
    if (isTaken) books.accepted(n)
    return isTaken
  } catch (error) {
    if (error instanceof Gone) books.unanswered(n)
    throw error
  }
}

const LINE = `${'soak '.repeat(15)}\r\n`
const body = (octets: number): string => LINE.repeat(Math.ceil(octets / LINE.length))

/** The first digit. */
async function reply(lines: Lines): Promise<string> {
  for (;;) {
    const line = await lines.line()
    if (line[3] !== '-') {
      if (line.startsWith('421')) throw new Gone(line)
      return line[0] ?? ''
    }
  }
}

async function ask(lines: Lines, command: string): Promise<string> {
  lines.say(`${command}\r\n`)
  return reply(lines)
}
