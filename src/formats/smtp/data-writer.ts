/** Content on its way out behind DATA: dots stuffed, the end said. RFC 5321 §4.5.2. */

const DOT = Buffer.from('.')
const END = Buffer.from('.\r\n')
const CRLF_END = Buffer.from('\r\n.\r\n')
const LINE_WITH_DOT = Buffer.from('\r\n.')
const CR = 0x0d
const LF = 0x0a

/** Takes content with CRLF line ends in any cuts; gives views of it, and dots between them. */
export class DataWriter {
  #start = true
  /** The last octet was CR: an LF in front of the next chunk ends a line. */
  #cr = false

  push(chunk: Buffer): Buffer[] {
    const parts: Buffer[] = []
    if (chunk.length === 0) return parts
    let from = 0
    const stuff = (at: number): void => {
      if (at > from) parts.push(chunk.subarray(from, at))
      parts.push(DOT)
      from = at
    }
    if (this.#start && chunk[0] === DOT[0]) stuff(0)
    else if (this.#cr && chunk[0] === LF && chunk[1] === DOT[0]) stuff(1)
    for (let at = chunk.indexOf(LINE_WITH_DOT); at >= 0; at = chunk.indexOf(LINE_WITH_DOT, at + 2)) stuff(at + 2)
    parts.push(chunk.subarray(from))
    const last = chunk[chunk.length - 1]
    this.#start = last === LF && (chunk.length > 1 ? chunk[chunk.length - 2] === CR : this.#cr)
    this.#cr = last === CR
    return parts
  }

  /** The end of the data; a line that does not end is ended first. */
  end(): Buffer {
    return this.#start ? END : CRLF_END
  }
}
