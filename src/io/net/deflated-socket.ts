/**
 * A socket whose octets are deflated both ways (RFC 1951, without a header), as RFC 4978 wants it of IMAP. What is written is
 * flushed at once, so that the peer can read it. What comes is inflated piece by piece, no faster than it is read: a few
 * octets that stand for very many cost no memory, and others have their turn between two pieces.
 */
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from 'node:zlib'

/**
 * Small tables: a connection in all takes some 125 KiB, against 250 with the usual ones. Replies hardly grow by it, since they repeat themselves at short distances.
 * The peer may use the whole window of 32 KiB, so inflating keeps that.
 */
const OUT = { level: 3, windowBits: 12, memLevel: 3, chunkSize: 4096, flush: constants.Z_SYNC_FLUSH }
/** A peer may close without ending its stream: what has come by then is read. */
const IN = { chunkSize: 8192, finishFlush: constants.Z_SYNC_FLUSH }

/** Octets kept that came behind the peer's last block. */
const BEHIND_LIMIT = 65_536

const EMPTY = Buffer.alloc(0)

export class DeflatedSocket extends Duplex {
  readonly inner: Socket
  readonly #deflate: DeflateRaw
  readonly #inflate: InflateRaw
  /** The piece that is being inflated, and what had been inflated before it. */
  #piece: Buffer = EMPTY
  #before = 0
  /** What came behind the peer's last block; undefined: that did not come yet. */
  #behind: Buffer | undefined

  /** @param first what had been read from the socket already */
  constructor(inner: Socket, first: Buffer) {
    super()
    this.inner = inner
    this.#deflate = createDeflateRaw(OUT)
    this.#inflate = createInflateRaw(IN)
    this.#deflate.on('data', this.#onDeflated)
    this.#inflate.on('data', (octets: Buffer) => {
      if (!this.push(octets)) this.#inflate.pause()
    })
    this.#inflate.on('end', this.#onInflateEnd)
    for (const stream of [this.#deflate, this.#inflate]) stream.on('error', (error) => this.destroy(error))
    inner.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain)
    inner.on('error', this.#onError).on('close', this.#onClose)
    if (first.length > 0) this.#onData(first)
    else inner.resume()
  }

  get bytesRead(): number {
    return this.inner.bytesRead
  }
  get bytesWritten(): number {
    return this.inner.bytesWritten
  }

  override _write(octets: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#deflate.write(octets, done)
  }

  /** Without a last block: clients take one that comes together with the goodbye for an error (Mail::IMAPClient). */
  override _final(done: (error?: Error | null) => void): void {
    if (this.#deflate.readableLength === 0) this.inner.end(done)
    else if (this.#deflate.isPaused()) this.inner.once('drain', () => this._final(done))
    else setImmediate(() => this._final(done))
  }

  override _read(): void {
    this.#inflate.resume()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#deflate.destroy()
    this.#inflate.destroy()
    this.inner.destroy()
    done(error)
  }

  /**
   * Ends both streams and gives the socket back, with what came behind the peer's last block; undefined: that block did not
   * come yet, should the peer send one.
   */
  async stop(): Promise<Buffer | undefined> {
    const { inner } = this
    if (this.writableLength > 0) await new Promise((resolve) => this.write(EMPTY, resolve))
    await new Promise<void>((resolve) => {
      this.#deflate.once('end', resolve).once('close', resolve)
      this.#deflate.end()
    })
    inner.pause()
    inner.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain)
    inner.off('error', this.#onError).off('close', this.#onClose)
    this.#inflate.removeAllListeners('data')
    this.#inflate.destroy()
    return this.#behind
  }

  readonly #onDeflated = (octets: Buffer): void => {
    if (!this.inner.write(octets)) this.#deflate.pause()
  }
  readonly #onDrain = (): void => void this.#deflate.resume()
  readonly #onError = (error: Error): void => void this.destroy(error)
  readonly #onClose = (): void => void this.destroy()

  readonly #onData = (octets: Buffer): void => {
    this.inner.pause()
    if (this.#behind !== undefined) {
      this.#behind = Buffer.concat([this.#behind, octets])
      if (this.#behind.length < BEHIND_LIMIT) this.inner.resume()
      return
    }
    this.#piece = octets
    this.#before = this.#inflate.bytesWritten
    this.#inflate.write(octets, () => {
      this.#piece = EMPTY
      if (this.#behind === undefined) this.inner.resume()
    })
  }

  readonly #onEnd = (): void => {
    if (this.#behind === undefined) this.#inflate.end()
    else this.push(null)
  }

  /** The peer's last block, or the end of the socket. */
  readonly #onInflateEnd = (): void => {
    if (this.inner.readableEnded) {
      this.push(null)
      return
    }
    this.#behind = Buffer.from(this.#piece.subarray(this.#inflate.bytesWritten - this.#before))
    this.#piece = EMPTY
    this.inner.resume()
  }
}

/**
 * How many octets at the start are an empty last block, which a peer may send after we stopped inflating; undefined: more
 * must come to tell. None of them begins like text.
 */
export function lastBlock(octets: Buffer): number | undefined {
  for (const block of LAST_BLOCKS) {
    const n = Math.min(block.length, octets.length)
    if (octets.subarray(0, n).equals(block.subarray(0, n))) return n === block.length ? n : undefined
  }
  return 0
}

/** With fixed codes and stored. */
const LAST_BLOCKS = [Buffer.from([0x03, 0x00]), Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff])]
