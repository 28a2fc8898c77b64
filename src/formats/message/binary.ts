/**
 * A message with octets that IMAP's BODY[] cannot carry (NUL), in a form that it can: parts that hold such are put into base64.
 * RFC 3516 §4.4: no data is lost, and nothing is changed where it need not be.
 */
import { headerFields } from './header.ts'
import type { Part } from './part.ts'
import { StructureScanner } from './structure.ts'

/** RFC 2045 §6.8: 76 characters a line; so many octets. */
const LINE_OCTETS = 57

interface Replaced {
  readonly from: number
  readonly to: number
  readonly octets: Buffer
}

/** The message without NUL; undefined where one stands outside of every body, in a header or between parts. */
export function withoutNul(message: Buffer): Buffer | undefined {
  if (!message.includes(0)) return message
  const scanner = new StructureScanner()
  scanner.push(message)
  const replaced: Replaced[] = []
  const left: Part[] = [scanner.end().root]
  for (let part = left.pop(); part !== undefined; part = left.pop()) {
    const body = message.subarray(part.bodyFrom, part.bodyTo)
    const holdsNul = part.children.length === 0 && body.includes(0)
    // A multipart or a message that says it is binary holds no binary part any more.
    if (holdsNul || part.encoding === 'binary')
      replaced.push({
        from: part.headerFrom,
        to: part.bodyFrom,
        octets: withEncoding(message.subarray(part.headerFrom, part.bodyFrom), holdsNul ? 'base64' : '8bit'),
      })
    if (holdsNul) replaced.push({ from: part.bodyFrom, to: part.bodyTo, octets: base64Lines(body) })
    left.push(...part.children)
  }
  const whole = replace(
    message,
    replaced.toSorted((a, b) => a.from - b.from),
  )
  return whole.includes(0) ? undefined : whole
}

function replace(message: Buffer, replaced: readonly Replaced[]): Buffer {
  const pieces: Buffer[] = []
  let at = 0
  for (const { from, to, octets } of replaced) {
    pieces.push(message.subarray(at, from), octets)
    at = to
  }
  return Buffer.concat([...pieces, message.subarray(at)])
}

/** A header section with its blank line, saying another transfer encoding. */
function withEncoding(header: Buffer, encoding: string): Buffer {
  const field = Buffer.from(`Content-Transfer-Encoding: ${encoding}\r\n`)
  const old = headerFields(header).find(({ name }) => name === 'content-transfer-encoding')
  if (old === undefined) return Buffer.concat([field, header.length === 0 ? Buffer.from('\r\n') : header])
  const at = header.indexOf(old.raw)
  return Buffer.concat([header.subarray(0, at), field, header.subarray(at + old.raw.length)])
}

/** Without a line end behind the last one: what follows a body is not part of it. */
function base64Lines(octets: Buffer): Buffer {
  const lines: string[] = []
  for (let at = 0; at < octets.length; at += LINE_OCTETS)
    lines.push(octets.toString('base64', at, Math.min(octets.length, at + LINE_OCTETS)))
  return Buffer.from(lines.join('\r\n'))
}
