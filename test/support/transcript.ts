/** Plays a dialogue against a server: `S:` lines are expected, `C:` lines are sent; `…` is any text. */
import assert from 'node:assert/strict'
import { connect } from 'node:net'

/** How long a line may keep a test waiting. */
const LINE_LIMIT_MS = 5000

class LineReader {
  #text = ''
  #wake: () => void = () => {}
  #ended = false
  readonly #socket: ReturnType<typeof connect>

  constructor(at: number | string, host: string) {
    this.#socket = typeof at === 'string' ? connect(at) : connect(at, host)
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (chunk: string) => {
      this.#text += chunk
      this.#wake()
    })
    const end = (): void => {
      this.#ended = true
      this.#wake()
    }
    this.#socket.on('close', end)
    this.#socket.on('error', end)
  }

  async line(): Promise<string> {
    const until = Date.now() + LINE_LIMIT_MS
    for (;;) {
      const end = this.#text.indexOf('\r\n')
      if (end >= 0) {
        const line = this.#text.slice(0, end)
        this.#text = this.#text.slice(end + 2)
        return line
      }
      if (this.#ended || Date.now() > until)
        return `<nothing more${this.#text === '' ? '' : ` but ${JSON.stringify(this.#text)}`}>`
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100)
        this.#wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }

  send(line: string): void {
    this.#socket.write(line + '\r\n')
  }

  close(): void {
    this.#socket.destroy()
  }
}

/**
 * One connection; with several, lines are `1C:`, `2S:` and so on.
 * @param at a port, or the path of a unix socket
 */
export async function transcript(at: number | string, dialogue: string, host = '127.0.0.1'): Promise<void> {
  const connections = new Map<string, LineReader>()
  try {
    for (const raw of dialogue.split('\n')) {
      const [, id = '', side, text = ''] = /^\s*(\d?)([CS]): ?(.*)$/.exec(raw) ?? []
      if (side === undefined) continue
      let connection = connections.get(id)
      if (connection === undefined) connections.set(id, (connection = new LineReader(at, host)))
      if (side === 'C') connection.send(text)
      else {
        const got = await lineFor(text, connection)
        const pattern = text
          .split('…')
          .map((part) => RegExp.escape(part))
          .join('.*')
        assert.ok(
          new RegExp(`^${pattern}$`, 's').test(got),
          `expected ${JSON.stringify(text)}, got ${JSON.stringify(got)}`,
        )
      }
    }
  } finally {
    for (const connection of connections.values()) connection.close()
  }
}

/** What IMAP says of itself at log-in is passed over where it is not asked for. */
async function lineFor(text: string, connection: LineReader): Promise<string> {
  const got = await connection.line()
  return got.startsWith('* CAPABILITY ') && !text.startsWith('* CAPABILITY ') ? connection.line() : got
}
