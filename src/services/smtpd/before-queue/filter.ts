/** A message on its way through a before-queue filter, as it comes or, with speed_adjust, when all of it is there. */
import { DataWriter, encodeXtext } from '../../../formats/smtp/mod.ts'
import type { Draft } from '../../../io/blobs/mod.ts'
import { FAILED, FilterLink, FilterRefusal, type LinkOptions } from './link.ts'

export interface BeforeQueueFilter {
  /** A command of the client's, as it came. Throws FilterRefusal. */
  command(line: string, expected: '2' | '3'): Promise<void>
  /** Content; begins behind DATA. */
  write(content: Buffer): void | Promise<void>
  /** The reply to all of it: lines parted by CRLF. */
  end(): Promise<string>
  close(): void
}

/** What a filter hears before the first recipient. */
export interface Opening {
  readonly ehlo: string
  /** XFORWARD's attributes in their order; undefined where a value is not known. */
  readonly attributes: readonly (readonly [name: string, value: string | undefined])[]
  /** The client's MAIL command. */
  readonly mail: string
}

/** Room for attributes in one XFORWARD command. */
const ATTRIBUTES_LIMIT = 512 - '250 XFORWARD\r\n'.length
/** What is read back of a spooled message at a time. */
const PIECE = 64 * 1024
const QUIT = 'QUIT'

export class DirectFilter implements BeforeQueueFilter {
  readonly #link: FilterLink
  readonly #dots = new DataWriter()
  #inContent = false

  /** Throws FilterRefusal. */
  static async open(to: LinkOptions, { ehlo, attributes, mail }: Opening): Promise<DirectFilter> {
    const link = await FilterLink.open(to)
    const asked = (line: string | undefined): Promise<string> => link.ask(line, '2')
    try {
      // Whatever it says until here is none of the client's business.
      await internal(() => asked(undefined))
      const wanted = wantedOf(await internal(() => asked(`EHLO ${ehlo}`)))
      const told = attributes.filter(([name]) => wanted.has(name))
      for (const line of xforward(told)) await internal(() => asked(line))
      await asked(mail)
      return new DirectFilter(link)
    } catch (error) {
      link.close(QUIT)
      throw error
    }
  }

  private constructor(link: FilterLink) {
    this.#link = link
  }

  async command(line: string, expected: '2' | '3'): Promise<void> {
    await this.#link.ask(line, expected)
    this.#inContent = expected === '3'
  }

  write(content: Buffer): void | Promise<void> {
    const parts = this.#dots.push(content)
    if (parts.length > 0) return this.#link.send(parts.length === 1 ? parts[0]! : Buffer.concat(parts))
  }

  async end(): Promise<string> {
    await this.#link.send(this.#dots.end())
    try {
      return await this.#link.ask(undefined, '')
    } catch (error) {
      if (error instanceof FilterRefusal) return error.reply
      throw error
    } finally {
      this.#inContent = false
    }
  }

  close(): void {
    this.#link.close(this.#inContent ? undefined : QUIT)
  }
}

/** speed_adjust: all is kept, and said at the end, up to the first no. */
export class LaterFilter implements BeforeQueueFilter {
  readonly #open: () => Promise<DirectFilter>
  readonly #commands: (readonly [line: string, expected: '2' | '3'])[] = []
  readonly #draft: Draft

  /** @param open connects to it */
  constructor(open: () => Promise<DirectFilter>, draft: Draft) {
    this.#open = open
    this.#draft = draft
  }

  async command(line: string, expected: '2' | '3'): Promise<void> {
    this.#commands.push([line, expected])
  }

  write(content: Buffer): void | Promise<void> {
    return this.#draft.write(content)
  }

  async end(): Promise<string> {
    let filter: DirectFilter | undefined
    try {
      filter = await this.#open()
      for (const [line, expected] of this.#commands) await filter.command(line, expected)
      const { size } = this.#draft
      for (let at = 0; at < size; at += PIECE) {
        // read's octets are a copy
        await filter.write(this.#draft.read(at, Math.min(at + PIECE, size)))
      }
      return await filter.end()
    } catch (error) {
      if (error instanceof FilterRefusal) return error.reply
      throw error
    } finally {
      filter?.close()
    }
  }

  close(): void {
    this.#draft.discard()
  }
}

async function internal(ask: () => Promise<string>): Promise<string> {
  try {
    return await ask()
  } catch (error) {
    throw error instanceof FilterRefusal ? new FilterRefusal(FAILED) : error
  }
}

/** The attributes that EHLO's reply offers to take. */
function wantedOf(reply: string): ReadonlySet<string> {
  const offers = reply.split('\r\n').map((line) => line.slice(4).trim().toUpperCase().split(/\s+/))
  return new Set(offers.flatMap(([keyword, ...names]) => (keyword === 'XFORWARD' ? names : [])))
}

/** Commands with as many attributes each as have room. XFORWARD_README. */
function xforward(attributes: Opening['attributes']): string[] {
  const groups: string[] = []
  for (const [name, value] of attributes) {
    const word = ` ${name}=${value === undefined ? '[UNAVAILABLE]' : encodeXtext(value)}`
    const last = groups.at(-1)
    if (last === undefined || last.length + word.length > ATTRIBUTES_LIMIT) groups.push(word)
    else groups[groups.length - 1] = last + word
  }
  return groups.map((words) => `XFORWARD${words}`)
}
