/**
 * Keeps the search index: messages in order of arrival, each looked at once. Works in slices: others have their turn between
 * them, and a stop at any point leaves an index that is right, for what it does not know is searched by content.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Clock } from '../../base/mod.ts'
import type { Db, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { SLICE_MS } from './context.ts'
import type { SearchedMessage } from './contract.ts'
import { lastMessage, messagesBetween } from './message-rows.ts'
import type { StoreSettings } from './params.ts'
import {
  addBlock,
  addRecent,
  BLOCK_MESSAGES,
  BLOCK_SLICES,
  countRecent,
  lastInBlocks,
  nextBlock,
  packBlock,
  recentSignatures,
  removeDisowned,
  removeRecent,
  type Signed,
  writeSlices,
} from './search-blocks.ts'
import { mergeBlocks } from './search-compaction.ts'
import { ALL_ACCOUNTS, isCurrent, rebuildIndex, type Scan, scansOf, setScan } from './search-scan.ts'
import { fillSignature, SIGNATURE_OCTETS, SignatureMaker } from './search-signature.ts'
import { MessageText, type ReadContent } from './search-text.ts'

/** Messages looked at before what was found is written. */
const ROUND = 1024
/** Rows read at once. */
const BATCH = 32
/** Rows passed over in one look, where they are other accounts'. */
const SPAN = 4096
/** Rows of slices, or of signatures, written in one transaction. */
const WRITE_ROWS = 96
/** Smaller messages are read in one piece. */
const WHOLE = 65_536

export interface IndexerOptions {
  readonly db: Db
  readonly clock: Clock
  readonly settings: Pick<StoreSettings, 'search_index' | 'search_index_message_limit'>
  readonly read: ReadContent
}

/** Signatures of one account's messages. */
interface Found {
  readonly messages: number[]
  readonly signatures: Uint8Array[]
}

export class SearchIndexer {
  readonly #db: Db
  readonly #clock: Clock
  readonly #settings: IndexerOptions['settings']
  readonly #read: ReadContent
  readonly #maker: SignatureMaker
  #turnEnds = 0

  constructor({ db, clock, settings, read }: IndexerOptions) {
    this.#db = db
    this.#clock = clock
    this.#settings = settings
    this.#read = wholeReads(read)
    this.#maker = new SignatureMaker(settings.search_index_message_limit)
  }

  /** Whether there is something to do. */
  get isBehind(): boolean {
    if (!this.#settings.search_index) return !this.#isEmpty
    return scansOf(this.#db.read).some((scan) => scan.after < this.#until(scan))
  }

  /** Takes in all there is, until `signal` stops it. Answers how many messages. */
  async run(signal?: AbortSignal): Promise<number> {
    if (!this.#settings.search_index) {
      if (!this.#isEmpty) await this.#db.write((tx) => rebuildIndex(tx))
      return 0
    }
    let taken = 0
    while (signal?.aborted !== true) {
      // An account whose index is made anew comes first: what it gets later must stand behind that.
      const scan = scansOf(this.#db.read).find((one) => one.after < this.#until(one))
      if (scan === undefined) break
      taken += await this.#round(scan)
    }
    return taken
  }

  /** Removes what was given up, and joins blocks of which little is left. */
  async tidy(signal?: AbortSignal): Promise<void> {
    while (signal?.aborted !== true && (await this.#db.write((tx) => removeDisowned(tx, WRITE_ROWS))) > 0)
      await this.#others()
    await mergeBlocks(this.#db, (messages) => this.#writeBlock(messages), signal)
  }

  #until(scan: Scan): number {
    return scan.account === ALL_ACCOUNTS ? lastMessage(this.#db.read) : scan.until
  }

  /** Without an index there is none, nor any trace of how far it had come. */
  get #isEmpty(): boolean {
    const { read } = this.#db
    const some = read.sql('SELECT 1 FROM search_block WHERE account >= 0 UNION ALL SELECT 1 FROM search_recent LIMIT 1')
    return some.get() === undefined && scansOf(read).every(({ after }) => after === 0)
  }

  /** Looks at up to ROUND messages, then writes what they have. */
  async #round(scan: Scan): Promise<number> {
    const found = new Map<AccountId, Found>()
    const until = this.#until(scan)
    const account = scan.account === ALL_ACCOUNTS ? undefined : scan.account
    let { after } = scan
    let taken = 0
    while (taken < ROUND && after < until) {
      const to = Math.min(until, after + SPAN)
      const limit = Math.min(BATCH, ROUND - taken)
      const rows = messagesBetween(this.#db.read, { after, until: to, account }, limit)
      for (const { account: owner, message } of rows) {
        add(found, owner, message.id, this.#sign(message))
        await this.#others()
      }
      taken += rows.length
      after = rows.length < limit ? to : (rows.at(-1)?.message.id ?? to)
      await this.#others()
    }
    for (const [owner, one] of found) await this.#keep(scan, owner, one)
    await this.#writeIf(scan, (tx) => setScan(tx, { ...scan, after, until }))
    return taken
  }

  /** What was found is written nowhere when a scan was begun anew meanwhile, and does so from the start. */
  async #writeIf(scan: Scan, work: (tx: Tx) => void): Promise<boolean> {
    return this.#db.write((tx) => {
      if (!isCurrent(tx, scan)) return false
      work(tx)
      return true
    })
  }

  #sign(message: SearchedMessage): Uint8Array {
    const signature = new Uint8Array(SIGNATURE_OCTETS)
    try {
      const texts = new MessageText(message, this.#read).indexedTexts(this.#maker.limit)
      this.#maker.make(texts, signature)
    } catch {
      fillSignature(signature) // it cannot be read: whoever searches it will be told so
    }
    return signature
  }

  /** Blocks as far as there is enough for them; the rest waits. */
  async #keep(scan: Scan, account: AccountId, found: Found): Promise<void> {
    const last = lastInBlocks(this.#db.read, account)
    const from = found.messages.findIndex((message) => message > last) // a stop may have come between block and scan
    if (from < 0) return
    const fresh = { messages: found.messages.slice(from), signatures: found.signatures.slice(from) }
    const isEnough = countRecent(this.#db.read, account) + fresh.messages.length >= BLOCK_MESSAGES
    const waiting = isEnough ? this.#waiting(account, fresh.messages[0] ?? 0) : { messages: [], signatures: [] }
    const messages = [...waiting.messages, ...fresh.messages]
    const signatures = [...waiting.signatures, ...fresh.signatures]
    let kept = 0
    for (; messages.length - kept >= BLOCK_MESSAGES; kept += BLOCK_MESSAGES) {
      const some = messages.slice(kept, kept + BLOCK_MESSAGES)
      const block = await this.#writeBlock({ messages: some, signatures: joined(signatures, kept, BLOCK_MESSAGES) })
      const isKept = await this.#writeIf(scan, (tx) => {
        addBlock(tx, block, account, some)
        removeRecent(tx, account, some.at(-1) ?? 0)
      })
      if (!isKept) return
    }
    let next = Math.max(kept, waiting.messages.length)
    while (next < messages.length) {
      const isKept = await this.#writeIf(scan, (tx) => {
        next = this.#addRecents(tx, account, { messages, signatures }, next)
      })
      if (!isKept) return
    }
  }

  #waiting(account: AccountId, before: number): Found {
    const rows = recentSignatures(this.#db.read, account, 0, BLOCK_MESSAGES).filter(([message]) => message < before)
    return { messages: rows.map(([message]) => message), signatures: rows.map(([, signature]) => signature) }
  }

  #addRecents(tx: Tx, account: AccountId, { messages, signatures }: Found, from: number): number {
    const end = this.#clock.monotonic() + SLICE_MS
    let i = from
    do {
      addRecent(tx, account, messages[i] ?? 0, signatures[i] ?? new Uint8Array())
      i++
    } while (i < messages.length && this.#clock.monotonic() < end)
    return i
  }

  /** Slices under a number that no block has yet. */
  async #writeBlock(signed: Signed): Promise<number> {
    const packed = packBlock(signed)
    const block = nextBlock(this.#db.read)
    for (let slice = 0; slice < BLOCK_SLICES;) {
      await this.#others()
      const from = slice
      slice = await this.#db.write((tx) => writeSlices(tx, block, packed, from, WRITE_ROWS))
    }
    return block
  }

  /** Others have their turn when this one has lasted long enough. */
  async #others(): Promise<void> {
    if (this.#clock.monotonic() < this.#turnEnds) return
    await turn()
    this.#turnEnds = this.#clock.monotonic() + SLICE_MS
  }
}

function add(found: Map<AccountId, Found>, account: AccountId, message: number, signature: Uint8Array): void {
  const one = found.get(account) ?? { messages: [], signatures: [] }
  one.messages.push(message)
  one.signatures.push(signature)
  found.set(account, one)
}

function joined(signatures: readonly Uint8Array[], from: number, count: number): Uint8Array {
  const all = new Uint8Array(count * SIGNATURE_OCTETS)
  for (let i = 0; i < count; i++) all.set(signatures[from + i] ?? new Uint8Array(), i * SIGNATURE_OCTETS)
  return all
}

/** A message is asked for in many pieces: one that is not large is read once. */
function wholeReads(read: ReadContent): ReadContent {
  let last: { readonly id: number; readonly octets: Buffer } | undefined
  return (message, from, to) => {
    if (message.sizeOctets > WHOLE) return read(message, from, to)
    if (last?.id !== message.id) last = { id: message.id, octets: read(message, 0, message.sizeOctets) }
    return last.octets.subarray(from, to)
  }
}
