/** A message in chunks of known size (BDAT), to servers that offer CHUNKING. RFC 3030 §2. */
import type { Reply } from '../../../formats/smtp/mod.ts'
import type { Dialogue } from './dialogue.ts'
import type { ClientSettings } from './params.ts'

/** A chunk is sent once it is as large. */
const CHUNK = 256 * 1024
const LF = 0x0a
const CRLF = Buffer.from('\r\n')

export class ChunkSender {
  readonly #dialogue: Dialogue
  readonly #cf: ClientSettings
  #held: Buffer[] = []
  #octets = 0
  /** Whether the last line has its end; an empty message is one that needs none. */
  #ended = true

  constructor(dialogue: Dialogue, cf: ClientSettings) {
    this.#dialogue = dialogue
    this.#cf = cf
  }

  /** The reply of a server that does not want to hear more; nothing may be sent after it. */
  async push(pieces: readonly Buffer[]): Promise<Reply | undefined> {
    for (const piece of pieces) {
      if (piece.length === 0) continue
      const reply = this.#octets >= CHUNK ? await this.#send(false) : undefined
      if (reply !== undefined && (reply.code < 200 || reply.code > 299)) return reply
      this.#held.push(piece)
      this.#octets += piece.length
      this.#ended = piece.at(-1) === LF
    }
    return undefined
  }

  /** The reply to the whole message; for LMTP that of the first recipient. */
  async end(): Promise<Reply> {
    if (!this.#ended) {
      this.#held.push(CRLF)
      this.#octets += CRLF.length
    }
    return this.#send(true)
  }

  async #send(isLast: boolean): Promise<Reply> {
    const { smtp_data_xfer_timeout: transfer, smtp_data_done_timeout: done } = this.#cf
    const dialogue = this.#dialogue
    dialogue.doing = isLast ? 'sending end of data -- message may be sent more than once' : 'sending message body'
    dialogue.send(`BDAT ${this.#octets}${isLast ? ' LAST' : ''}`)
    for (const piece of this.#held) await dialogue.write(piece, transfer)
    this.#held = []
    this.#octets = 0
    return dialogue.reply(isLast ? done : transfer)
  }
}
