/**
 * Which lines of a message are header fields of parts and of enclosed messages. Postfix's own reading (mime_state.c),
 * simpler than RFC 2046 and hard to deceive: several boundaries of one level count, cruft behind one is let pass.
 */
import type { ContentChecks } from './contract.ts'
import { type Token, takeTokens } from './mime-tokens.ts'

export type Section = 'primary' | 'multipart' | 'nested' | 'body'

/** In the order in which one is told where several hold. */
export const MIME_ERRORS = {
  nesting: 'MIME nesting exceeds safety limit',
  header8bit: 'improper use of 8-bit data in message header',
  body8bit: 'improper use of 8-bit data in message body',
  encodingDomain: 'invalid message/* or multipart/* encoding domain',
} as const

export type MimeError = keyof typeof MIME_ERRORS

type ContentType =
  | 'text'
  | 'message/rfc822'
  | 'message/global'
  | 'message/limited'
  | 'message/other'
  | 'multipart'
  | 'other'

interface Level {
  readonly boundary: string
  /** What a part without Content-Type is. */
  readonly type: ContentType
}

const DASH = 0x2d

/** The domain of an encoding (RFC 2045 §6.2). */
const DOMAINS: Readonly<Record<string, string>> = {
  '7bit': '7bit',
  '8bit': '8bit',
  binary: 'binary',
  base64: '7bit',
  'quoted-printable': '7bit',
}

const SUBTYPES: Readonly<Record<string, ContentType>> = {
  rfc822: 'message/rfc822',
  global: 'message/global',
  partial: 'message/limited',
  'external-body': 'message/limited',
}

export class MimeScanner {
  section: Section = 'primary'
  readonly #checks: ContentChecks
  readonly #tell: (error: MimeError, content: string) => void
  readonly #levels: Level[] = []
  readonly #told = new Set<MimeError>()
  #type: ContentType = 'text'
  #encoding = '7bit'
  #domain = '7bit'

  /** @param tell called once for each sort of error */
  constructor(checks: ContentChecks, tell: (error: MimeError, content: string) => void) {
    this.#checks = checks
    this.#tell = tell
  }

  /** Whether a line that begins with `--` may be a boundary. */
  get hasBoundaries(): boolean {
    return this.#levels.length > 0
  }

  /** What a part that says it is 8-bit must be called where it may not be; undefined: it says that it is not. */
  get encodingFor7bit(): '7bit' | 'quoted-printable' | undefined {
    if (this.#domain === '7bit') return undefined
    return this.#type === 'multipart' || this.#type === 'message/rfc822' || this.#type === 'message/global'
      ? '7bit'
      : 'quoted-printable'
  }

  /** The first error in the order of MIME_ERRORS. */
  get error(): MimeError | undefined {
    // Object.keys of a literal: its names.
    return (Object.keys(MIME_ERRORS) as MimeError[]).find((error) => this.#told.has(error))
  }

  /** A field of the section at hand, whole; an octet a character. @param name in lower case */
  field(name: string, text: string): void {
    if (this.#checks.mime) {
      if (name === 'content-type') this.#contentType(text)
      else if (name === 'content-transfer-encoding') this.#contentEncoding(text)
    }
    // oxlint-disable-next-line no-control-regex -- octets above ASCII are what this is about
    if (this.#checks.strict.header8bit && /[^\0-\x7f]/.test(text)) this.#report('header8bit', text)
  }

  /** The section's last field has been. @param blank by an empty line, not by one that is no field */
  endHeader(blank: boolean): void {
    if (this.#checks.strict.encodingDomain) this.#checkDomain()
    if (!blank) this.section = 'body'
    else if (this.#type === 'message/rfc822' || this.#type === 'message/global') this.#enter('nested', 'text')
    else if (this.#type === 'multipart') this.#enter('body', 'other')
    else this.section = 'body'
  }

  /** A line of a body, or its beginning. Answers whether another body begins with it, behind a multipart. */
  bodyLine(text: Buffer, atLineStart: boolean): boolean {
    if (this.#checks.strict.body8bit && this.#encoding === '7bit' && !this.#told.has('body8bit') && has8bit(text))
      this.#report('body8bit', text.toString('latin1'))
    if (!atLineStart || text[0] !== DASH || text[1] !== DASH || this.#levels.length === 0) return false
    return this.#boundary(text.toString('latin1', 2))
  }

  #boundary(line: string): boolean {
    const found = this.#levels.findLastIndex(({ boundary }) => line.startsWith(boundary))
    const level = this.#levels[found]
    if (level === undefined) return false
    const ends = line.startsWith('--', level.boundary.length)
    this.#levels.length = ends ? found : found + 1
    if (ends) this.#enter('body', 'other')
    else this.#enter('multipart', level.type)
    return ends
  }

  #enter(section: Section, type: ContentType): void {
    this.section = section
    this.#type = type
    this.#encoding = this.#domain = '7bit'
  }

  #contentType(text: string): void {
    let taken = takeTokens(text, text.indexOf(':') + 1)
    const [first, slash, second] = taken?.tokens ?? []
    if (taken === undefined || first === undefined) {
      this.#type = 'other'
      return
    }
    const subtype = slash?.text === '/' && second?.kind === 'token' ? second.text.toLowerCase() : ''
    if (isWord(first, 'text')) this.#type = 'text'
    else if (isWord(first, 'message')) this.#type = SUBTYPES[subtype] ?? 'message/other'
    else if (isWord(first, 'multipart')) {
      this.#type = 'multipart'
      const type = subtype === 'digest' ? 'message/rfc822' : 'text'
      while ((taken = takeTokens(text, taken.next)) !== undefined) {
        const [name, equals, value] = taken.tokens
        if (isWord(name, 'boundary') && equals?.text === '=' && value !== undefined) this.#push(value.text, type, text)
      }
    }
  }

  #push(boundary: string, type: ContentType, text: string): void {
    const { mime_nesting_limit, mime_boundary_length_limit, strict } = this.#checks
    // One more than the limit may be entered: Postfix counts from the first boundary.
    if (this.#levels.length - 1 > mime_nesting_limit) {
      if (strict.nesting) this.#report('nesting', text)
    } else this.#levels.push({ boundary: boundary.slice(0, mime_boundary_length_limit), type })
  }

  #contentEncoding(text: string): void {
    const word = /^\s*([^\s;"()]+)/.exec(text.slice(text.indexOf(':') + 1))?.[1]?.toLowerCase() ?? ''
    const domain = DOMAINS[word]
    if (domain === undefined) return
    this.#encoding = word
    this.#domain = domain
  }

  #checkDomain(): void {
    const limited = this.#type === 'message/limited'
    const composite = this.#type === 'message/rfc822' || this.#type === 'multipart'
    if (limited ? this.#domain !== '7bit' : composite && this.#encoding !== this.#domain)
      this.#report('encodingDomain', this.#encoding)
  }

  #report(error: MimeError, content: string): void {
    if (this.#told.has(error)) return
    this.#told.add(error)
    this.#tell(error, content)
  }
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'token' && token.text.toLowerCase() === word
}

function has8bit(octets: Buffer): boolean {
  for (const octet of octets) if (octet > 0x7f) return true
  return false
}
