/** Asking for a password: from standard input, or on a terminal without echo. */
import { isUtf8 } from 'node:buffer'
import type { CliIo } from './io.ts'

/** More than any password has; what follows on the line is not read into memory. */
const LINE_MAX_OCTETS = 4096

/** No password came; `message` tells why. */
export class NoPassword extends Error {}

/** The keys that a terminal's own line editing would have handled. */
const KEY = {
  interrupt: 0x03,
  endOfInput: 0x04,
  backspace: 0x08,
  newline: 0x0a,
  return: 0x0d,
  eraseLine: 0x15,
  delete: 0x7f,
}

/**
 * A new password. From a pipe, or with `fromInput` (-p): the first line, without its end. On a terminal: asked twice.
 * Throws NoPassword.
 */
export async function askNewPassword(io: CliIo, options: { readonly fromInput: boolean }): Promise<string> {
  const input = new Lines(io)
  try {
    if (options.fromInput || io.stdin.isTTY !== true) return textOf(await input.line())
    const first = textOf(await input.hidden('Password: '))
    if (first !== textOf(await input.hidden('Again (for verification): ')))
      throw new NoPassword("passwords don't match; aborting")
    return first
  } finally {
    await input.close()
  }
}

function textOf(octets: Buffer): string {
  if (octets.length === 0) throw new NoPassword('no password was given')
  if (!isUtf8(octets)) throw new NoPassword('the password is not UTF-8')
  return octets.toString()
}

/** Standard input by lines; what one read brings beyond a line is kept for the next. */
class Lines {
  readonly #io: CliIo
  readonly #chunks: AsyncIterator<unknown>
  #pending = Buffer.alloc(0)

  constructor(io: CliIo) {
    this.#io = io
    this.#chunks = io.stdin[Symbol.asyncIterator]()
  }

  /** Up to the end of the line or of the input. */
  async line(): Promise<Buffer> {
    const octets: number[] = []
    for (let octet; (octet = await this.#next()) !== undefined && octet !== KEY.newline;) add(octets, octet)
    if (octets.at(-1) === KEY.return) octets.pop()
    return Buffer.from(octets)
  }

  /** As `line`, typed at a prompt and not shown. */
  async hidden(prompt: string): Promise<Buffer> {
    this.#io.err(prompt)
    const restore = hideEcho(this.#io)
    try {
      return await this.#typed()
    } finally {
      restore()
      this.#io.err('\n')
    }
  }

  async close(): Promise<void> {
    await this.#chunks.return?.()
  }

  async #typed(): Promise<Buffer> {
    const octets: number[] = []
    for (;;) {
      const octet = await this.#next()
      if (octet === undefined || octet === KEY.newline || octet === KEY.return) return Buffer.from(octets)
      if (octet === KEY.endOfInput) return Buffer.from(octets)
      if (octet === KEY.interrupt) throw new NoPassword('interrupted')
      if (octet === KEY.eraseLine) octets.length = 0
      else if (octet === KEY.backspace || octet === KEY.delete) eraseCharacter(octets)
      else add(octets, octet)
    }
  }

  async #next(): Promise<number | undefined> {
    while (this.#pending.length === 0) {
      const { value, done } = await this.#chunks.next()
      if (done === true) return undefined
      this.#pending = typeof value === 'string' ? Buffer.from(value) : Buffer.from(value as Uint8Array) // a byte stream
    }
    const [octet] = this.#pending
    this.#pending = this.#pending.subarray(1)
    return octet
  }
}

function add(octets: number[], octet: number): void {
  if (octets.length >= LINE_MAX_OCTETS)
    throw new NoPassword(`a line of more than ${LINE_MAX_OCTETS} octets is no password`)
  octets.push(octet)
}

/** A whole character of UTF-8: continuation octets, then the first one. */
function eraseCharacter(octets: number[]): void {
  while (((octets.pop() ?? 0) & 0xc0) === 0x80);
}

/** Raw mode, where the input is a terminal that has one; what it returns undoes it. */
function hideEcho({ stdin }: CliIo): () => void {
  if (!('setRawMode' in stdin) || typeof stdin.setRawMode !== 'function') return () => undefined
  stdin.setRawMode(true)
  return () => {
    if ('setRawMode' in stdin && typeof stdin.setRawMode === 'function') stdin.setRawMode(false)
  }
}
