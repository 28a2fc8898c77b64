/** A field as checks see it: one key, its lines joined by LF. */

const COLON = 0x3a
const LINE_END = Buffer.from('\n')

/** Fields that mime_header_checks look at wherever they stand (Postfix: HDR_OPT_MIME). */
export const MIME_FIELDS: ReadonlySet<string> = new Set([
  'content-description',
  'content-disposition',
  'content-id',
  'content-transfer-encoding',
  'content-type',
  'mime-version',
])

/** A field's name in lower case; `''` where the text is none. Blanks before the colon are let pass (RFC 5322 §4.5). */
export function fieldName(text: Buffer): string {
  let at = 0
  while (at < text.length && text[at]! > 0x20 && text[at]! < 0x7f && text[at] !== COLON) at++
  const length = at
  while (text[at] === 0x20 || text[at] === 0x09) at++
  return text[at] === COLON ? text.toString('latin1', 0, length).toLowerCase() : ''
}

/** A field as it comes, line by line; what comes when it is long enough is dropped (header_size_limit). */
export class FieldText {
  readonly #limit: number
  readonly #pieces: Buffer[] = []
  #octets = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @param continues the line that `piece` belongs to began before */
  add(piece: Buffer, continues: boolean): void {
    if (this.#octets >= this.#limit) return
    if (this.#octets > 0 && !continues) this.#push(LINE_END)
    this.#push(Buffer.from(piece)) // a copy: the chunk it lies in goes
  }

  #push(octets: Buffer): void {
    this.#pieces.push(octets)
    this.#octets += octets.length
  }

  get text(): Buffer {
    return Buffer.concat(this.#pieces)
  }
}

/** As much of a long field as checks see: whole lines, and of a long line pieces of `lineLimit`. */
export function boundedText(whole: Buffer, limit: number, lineLimit: number): Buffer {
  const field = new FieldText(limit)
  const text = linesOf(whole)
  for (let at = 0; at < text.length;) {
    const lf = text.indexOf(LINE_END, at)
    const end = lf < 0 ? text.length : lf
    for (let from = at; from === at || from < end; from += lineLimit)
      field.add(text.subarray(from, Math.min(end, from + lineLimit)), from > at)
    at = end + 1
  }
  return field.text
}

/** From the wire: lines end in LF, the last one in nothing. */
export function linesOf(raw: Buffer): Buffer {
  return Buffer.from(raw.toString('latin1').replace(/\r?\n/g, '\n').replace(/\n$/, ''), 'latin1')
}

/** `name :` becomes `name:`. */
export function withoutBlank(line: Buffer, nameOctets: number): Buffer {
  return line[nameOctets] === COLON
    ? line
    : Buffer.concat([line.subarray(0, nameOctets), line.subarray(line.indexOf(COLON))])
}

/** Back to the wire. */
export function toWire(text: Buffer): Buffer {
  return Buffer.from(text.toString('latin1').replaceAll('\n', '\r\n') + '\r\n', 'latin1')
}

/** What tables are asked for: Postfix's keys end at a NUL. */
export function keyOf(text: Buffer): string {
  const nul = text.indexOf(0)
  return text.toString('utf8', 0, nul < 0 ? text.length : nul)
}
