/** message_reject_characters and message_strip_characters: octets that a message must not hold, or loses. */
import type { Reply } from '../../../formats/smtp/mod.ts'

export const DISALLOWED: Reply = { code: 550, enhanced: '5.7.1', lines: ['disallowed character'] }

const LF = 0x0a
const CR = 0x0d
const ESCAPES: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: LF, v: 11, f: 12, r: CR }

/** `\a`, `\001`, `\\` and plain characters, as octets. Line ends are never meant: they part lines. */
function octetsOf(text: string): Set<number> {
  const octets = [...text.matchAll(/\\([0-7]{1,3})|\\(.)|(.)/gsu)].flatMap(([, octal, escaped, plain = '']) => {
    if (octal !== undefined) return [Number.parseInt(octal, 8) & 0xff]
    return escaped === undefined ? [...Buffer.from(plain)] : [ESCAPES[escaped] ?? escaped.charCodeAt(0)]
  })
  return new Set(octets.filter((octet) => octet !== LF && octet !== CR))
}

export class Characters {
  readonly #rejected: ReadonlySet<number>
  readonly #stripped: ReadonlySet<number>

  constructor(rejected: string, stripped: string) {
    this.#rejected = octetsOf(rejected)
    this.#stripped = octetsOf(stripped)
  }

  /** The line, or what of it is here, that holds a rejected octet. */
  rejectedLine(octets: Buffer): Buffer | undefined {
    if (this.#rejected.size === 0) return undefined
    const at = octets.findIndex((octet) => this.#rejected.has(octet))
    if (at < 0) return undefined
    const end = octets.indexOf(LF, at)
    const line = octets.subarray(octets.lastIndexOf(LF, at) + 1, end < 0 ? octets.length : end)
    return line.at(-1) === CR ? line.subarray(0, -1) : line
  }

  strip(octets: Buffer): Buffer {
    if (!octets.some((octet) => this.#stripped.has(octet))) return octets
    return Buffer.from(octets.filter((octet) => !this.#stripped.has(octet)))
  }
}

/** undefined where nothing is configured. */
export function openCharacters(cf: {
  readonly message_reject_characters: string
  readonly message_strip_characters: string
}): Characters | undefined {
  const { message_reject_characters: rejected, message_strip_characters: stripped } = cf
  return rejected === '' && stripped === '' ? undefined : new Characters(rejected, stripped)
}
