/** COMPRESS=DEFLATE: RFC 4978, and its end at UNAUTHENTICATE: RFC 8437 §2. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { constants, createDeflateRaw, createInflateRaw, deflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { startServer } from '../support/server.ts'
import { transcript } from '../support/transcript.ts'

const { Z_SYNC_FLUSH } = constants

/** A client that can turn to deflated octets and back. */
class Client {
  readonly socket: Socket
  readonly #deflate = createDeflateRaw({ flush: Z_SYNC_FLUSH })
  readonly #inflate = createInflateRaw()
  #said = ''
  #wake: () => void = () => {}
  #isDeflated = false
  closed = false

  constructor(t: TestContext, port: number) {
    this.socket = connect(port, '127.0.0.1').on('error', () => {})
    t.after(() => this.socket.destroy())
    this.socket.on('data', (octets: Buffer) => this.#read(octets))
    this.socket.on('close', () => {
      this.#inflate.write(Buffer.alloc(0), () => {
        this.closed = true // what came before it is inflated
        this.#wake()
      })
    })
    this.#deflate.on('data', (octets: Buffer) => this.socket.write(octets))
    this.#inflate.on('data', (octets: Buffer) => this.#hear(octets)).on('error', () => {})
  }

  #read(octets: Buffer): void {
    if (!this.#isDeflated) return this.#hear(octets)
    const before = this.#inflate.bytesWritten
    this.#inflate.once('end', () => {
      this.#isDeflated = false
      this.#hear(octets.subarray(this.#inflate.bytesWritten - before))
    })
    this.#inflate.write(octets, () => this.#inflate.removeAllListeners('end'))
  }

  #hear(octets: Buffer): void {
    this.#said += octets.toString('latin1')
    this.#wake()
  }

  /** The answer up to the line that `end` matches; what the server says at its end, where it closes. */
  async until(end: RegExp): Promise<string> {
    for (;;) {
      const match = end.exec(this.#said)
      if (match !== null) {
        const said = this.#said.slice(0, match.index + match[0].length)
        this.#said = this.#said.slice(said.length)
        return said
      }
      if (this.closed) assert.fail(`closed after ${JSON.stringify(this.#said)}`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  plain(text: string | Buffer): void {
    this.socket.write(text)
  }

  /** From now on the server's octets are deflated. */
  turn(): void {
    this.#isDeflated = true
  }

  deflated(text: string | Buffer): Promise<void> {
    return new Promise((resolve) => this.#deflate.write(text, () => resolve()))
  }

  endDeflate(text: string): Promise<void> {
    this.#deflate.end(text)
    return new Promise((resolve) => this.#deflate.once('end', resolve))
  }
}

async function compressed(t: TestContext, port: number): Promise<Client> {
  const client = new Client(t, port)
  client.plain('a LOGIN ana secret\r\nb COMPRESS DEFLATE\r\n')
  await client.until(/^b OK .*\r\n/m)
  client.turn()
  return client
}

test('COMPRESS is there after log-in, once, and for DEFLATE alone', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await transcript(
    server.port('imap'),
    `
    S: * OK …
    C: a COMPRESS DEFLATE
    S: a BAD Log in first
    C: b LOGIN ana secret
    S: * CAPABILITY … COMPRESS=DEFLATE …
    S: b OK Logged in
    C: c COMPRESS GZIP
    S: c BAD …
    C: d COMPRESS DEFLATE now
    S: d BAD …
  `,
  )
  const client = await compressed(t, server.port('imap'))
  await client.deflated('c COMPRESS DEFLATE\r\nd CAPABILITY\r\n')
  assert.match(await client.until(/^c .*\r\n/m), /^c NO \[COMPRESSIONACTIVE\]/)
  assert.doesNotMatch(await client.until(/^d .*\r\n/m), /COMPRESS/)
  let end = Buffer.alloc(0)
  client.socket.on('data', (octets: Buffer) => (end = Buffer.concat([end, octets])))
  await client.deflated('e LOGOUT\r\n')
  await client.until(/\* BYE .*\r\ne OK .*\r\n/)
  while (!client.closed) await new Promise((wake) => setTimeout(wake, 10))
  // A flush, and no last block behind it: Mail::IMAPClient takes one for an error.
  assert.equal(end.subarray(-4).toString('hex'), '0000ffff')
})

test('what came behind the command is inflated, whichever way it is cut', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const client = new Client(t, server.port('imap'))
  const commands = deflateRawSync('c NOOP\r\nd SELECT INBOX\r\n', { finishFlush: Z_SYNC_FLUSH })
  client.plain(Buffer.concat([Buffer.from('a LOGIN ana secret\r\nb COMPRESS DEFLATE\r\n'), commands.subarray(0, 5)]))
  await client.until(/^b OK .*\r\n/m)
  client.turn()
  for (const octet of commands.subarray(5)) client.plain(Buffer.from([octet]))
  await client.until(/^c OK .*\r\n/m)
  await client.until(/^d OK .*\r\n/m)
})

test('a large message comes back octet for octet, and takes fewer of them', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  const client = await compressed(t, server.port('imap'))
  const message = `Subject: large\r\n\r\n${Array.from({ length: 60_000 }, (_, i) => `line ${i}\r\n`).join('')}`
  await client.deflated(`c APPEND INBOX {${message.length}+}\r\n${message}\r\nd SELECT INBOX\r\n`)
  await client.until(/^d OK .*\r\n/m)
  const before = client.socket.bytesRead
  await client.deflated('e FETCH 1 BODY.PEEK[]\r\n')
  const said = await client.until(/^e OK .*\r\n/m)
  assert.equal(said.slice(said.indexOf('\r\n') + 2, said.lastIndexOf(')\r\ne OK')), message)
  assert.ok(client.socket.bytesRead - before < message.length / 3, `${client.socket.bytesRead - before} octets`)
})

test('few octets that stand for very many are read no faster than they are dealt with', async (t) => {
  const server = await startServer(t, { accounts: ['ana'], mainCf: 'imapd_literal_limit = 4096\n' })
  const client = await compressed(t, server.port('imap'))
  const megabytes = 300
  const one = deflateRawSync(Buffer.alloc(1_048_576, 'x'), { finishFlush: Z_SYNC_FLUSH })
  const bomb = Buffer.concat(Array.from({ length: megabytes }, () => one))
  assert.ok(bomb.length < 400_000)
  const memory = (): number => process.memoryUsage().external + process.memoryUsage().arrayBuffers
  const before = memory()
  client.plain(bomb)
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, memory() - before)), 1)
  const slow = performance.now()
  await transcript(server.port('imap'), 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …\nC: b SELECT INBOX\nS: * FLAGS …')
  assert.ok(performance.now() - slow < 3000, 'another client is answered meanwhile')
  client.plain(deflateRawSync('\r\n'))
  await client.until(/^\* BYE Command line too long\r\n/m)
  clearInterval(timer)
  assert.ok(most < (megabytes / 2) * 1_048_576, `${most} octets more`)
})

test('octets that are no deflated ones end the connection, and no other', async (t) => {
  const server = await startServer(t, { accounts: ['ana'] })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), async (octets) => {
      const client = await compressed(t, server.port('imap'))
      client.socket.end(octets)
      await new Promise((resolve) => client.socket.once('close', resolve))
    }),
    { numRuns: 40 },
  )
  assert.doesNotMatch(server.log(), /defect/)
  await transcript(server.port('imap'), 'S: * OK …\nC: a LOGIN ana secret\nS: a OK …')
})

test('UNAUTHENTICATE ends it on both sides, with the last block in its own piece or in the same', async (t) => {
  const server = await startServer(t, { accounts: ['ana', 'eva'] })
  const client = await compressed(t, server.port('imap'))
  await client.endDeflate('c UNAUTHENTICATE\r\n')
  await client.until(/^c OK .*\r\n/m)
  client.plain('d LOGIN eva secret\r\n')
  assert.match(await client.until(/^d OK .*\r\n/m), /COMPRESS=DEFLATE/)
  const other = await compressed(t, server.port('imap'))
  await other.deflated('c UNAUTHENTICATE\r\n')
  await other.until(/^c OK .*\r\n/m)
  await other.endDeflate('')
  other.plain('d LOGIN eva secret\r\n')
  await other.until(/^d OK .*\r\n/m)
})
