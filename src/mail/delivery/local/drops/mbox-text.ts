/** The messages of a piece of an mbox: each begins with a From_ line behind an empty line. */

const NEW_MESSAGE = Buffer.from('\nFrom ')
const FROM = Buffer.from('From ')
const LF = 0x0a

/**
 * Messages in wire form (CRLF), without From_ lines and the empty lines that part them. undefined: this is no mail, for
 * example a log of procmail's, whose entries begin with `From ` too.
 */
export function messagesOfMbox(octets: Buffer): Buffer[] | undefined {
  if (!octets.subarray(0, FROM.length).equals(FROM)) return undefined
  const starts = [0]
  for (let at = octets.indexOf(NEW_MESSAGE); at >= 0; at = octets.indexOf(NEW_MESSAGE, at + 1))
    if (at > 0 && octets[at - 1] === LF && isHeader(octets, lineEnd(octets, at + 1))) starts.push(at + 1)
  if (!isHeader(octets, lineEnd(octets, 0))) return undefined
  return starts.map((start, n) => {
    const body = octets.subarray(lineEnd(octets, start), starts[n + 1] ?? octets.length)
    return toWire(withoutLastBlank(body))
  })
}

/** Behind the line that begins at `from`. */
function lineEnd(octets: Buffer, from: number): number {
  const lf = octets.indexOf(LF, from)
  return lf < 0 ? octets.length : lf + 1
}

/** Whether a header field begins there, or the From_ line of a message that was quoted whole. */
function isHeader(octets: Buffer, at: number): boolean {
  return /^(?:[!-9;-~]+[ \t]*:|>?From )/.test(octets.toString('latin1', at, Math.min(octets.length, at + 128)))
}

function withoutLastBlank(body: Buffer): Buffer {
  return body.length > 1 && body.at(-1) === LF && body.at(-2) === LF ? body.subarray(0, -1) : body
}

/** LF, alone or behind a CR, becomes CRLF; the last line is ended. */
export function toWire(text: Buffer): Buffer {
  const parts: Buffer[] = []
  for (let at = 0; at < text.length;) {
    const lf = text.indexOf(LF, at)
    const end = lf < 0 ? text.length : lf
    parts.push(text.subarray(at, end > at && lf >= 0 && text[end - 1] === 0x0d ? end - 1 : end), CRLF)
    at = end + 1
  }
  return Buffer.concat(parts)
}

const CRLF = Buffer.from('\r\n')
