/**
 * Marionette, by which Mozilla's programs are driven: messages `LENGTH:JSON` over TCP, a command is `[0, id, name, parameters]`
 * and its answer `[1, id, error, result]`. Scripts run with the rights of the program's own code.
 */
import { connect, type Socket } from 'node:net'

export class Marionette {
  readonly #socket: Socket
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>()
  #octets: Buffer = Buffer.alloc(0)
  #last = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    for (const event of ['close', 'error'])
      socket.on(event, () => {
        for (const { reject } of this.#waiting.values()) reject(new Error('the program has gone'))
        this.#waiting.clear()
      })
  }

  /** `scriptMs`: how long a script may run. */
  static async connect(port: number, scriptMs: number): Promise<Marionette> {
    const socket = connect(port, '127.0.0.1')
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    const it = new Marionette(socket)
    await it.command('WebDriver:NewSession', { capabilities: { alwaysMatch: { timeouts: { script: scriptMs } } } })
    await it.command('Marionette:SetContext', { value: 'chrome' })
    return it
  }

  command(name: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#last
    const text = JSON.stringify([0, id, name, parameters])
    this.#socket.write(`${Buffer.byteLength(text)}:${text}`)
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  /** The body of an asynchronous function; what it returns has to be JSON, strings most often. */
  async run(body: string, ...args: readonly unknown[]): Promise<unknown> {
    const script = `const done = arguments[arguments.length - 1]; const args = [...arguments].slice(0, -1)
      ;(async () => { ${body} })().then((value) => done({ value }), (error) => done({ error: error + '\\n' + error.stack }))`
    const answer = await this.command('WebDriver:ExecuteAsyncScript', { script, args })
    const { value } = answer as { value: { value?: unknown; error?: string } } // what the script above makes
    if (value.error !== undefined) throw new Error(value.error)
    return value.value
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(chunk: Buffer): void {
    this.#octets = Buffer.concat([this.#octets, chunk])
    for (;;) {
      const colon = this.#octets.indexOf(':')
      const length = Number(this.#octets.toString('latin1', 0, Math.max(colon, 0)))
      if (colon < 0 || this.#octets.length < colon + 1 + length) return
      this.#answer(this.#octets.toString('utf8', colon + 1, colon + 1 + length))
      this.#octets = this.#octets.subarray(colon + 1 + length)
    }
  }

  #answer(text: string): void {
    const answer: unknown = JSON.parse(text)
    if (!Array.isArray(answer)) return // the greeting
    const [, id, error, result] = answer
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error) waiting?.reject(new Error(JSON.stringify(error)))
    else waiting?.resolve(result)
  }
}
