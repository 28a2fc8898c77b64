/** For this room's tests: stores over a database and a log in a directory of their own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { logSchema, type MessageLog, realFileSystem, SegmentLog } from '../../io/blobs/mod.ts'
import { type Db, openDatabase, WriteTurn } from '../../io/db/mod.ts'
import type { Deposited, MessageFacts, Selected, Store } from './contract.ts'
import { ChangeFeed, FEED_OCTETS } from './feed.ts'
import { storeParams, type StoreSettings } from './params.ts'
import { parseValue } from '../../io/config/mod.ts'
import { storeSchema } from './schema.ts'
import { SearchIndexer } from './search-indexer.ts'
import { createStore, type StoreOptions } from './store.ts'

export interface TestStore {
  readonly store: Store
  readonly db: Db
  readonly log: MessageLog
  readonly options: StoreOptions
  readonly clock: ReturnType<typeof manualClock>
  /** Puts a message in the mailbox without the log. */
  readonly deposit: (
    mailbox?: string,
    options?: { flags?: readonly string[]; octets?: number; dateMs?: number },
  ) => Promise<Deposited>
  readonly select: (mailbox?: string, readOnly?: boolean) => Promise<Selected>
}

export const ACCOUNT = 7

export function testSettings(some: Partial<StoreSettings> = {}): StoreSettings {
  const values = Object.entries(storeParams).map(([name, spec]) => [name, parseValue(name, spec.default, spec)])
  return { ...(Object.fromEntries(values) as StoreSettings), ...some } // each by its own spec
}

/** Stores as of so many threads over one database; the first has written ACCOUNT's mailboxes. */
export async function testStores(
  t: Pick<TestContext, 'after'>,
  n: number,
  some: readonly Partial<StoreSettings>[] = [],
  clock = manualClock(),
): Promise<TestStore[]> {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-store-'))
  const memory = new SharedArrayBuffer(FEED_OCTETS)
  const turn = new WriteTurn()
  const stores: TestStore[] = []
  for (let i = 0; i < n; i++) {
    const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [logSchema, storeSchema], turn, migrated: i > 0 })
    const log = new SegmentLog({ dir, db, fs: realFileSystem, clock, memoryLimit: 32 << 20 })
    const feed = new ChangeFeed(memory)
    const options = { db, log, feed, clock, settings: testSettings(some[i]) }
    stores.push(testStore(options, clock))
  }
  t.after(async () => {
    for (const { log, db } of stores) {
      await log.close()
      db.close()
    }
    rmSync(dir, { recursive: true })
  })
  await stores[0]?.store.provision(ACCOUNT)
  return stores
}

/** A clock on which each look takes a millisecond: what works in slices stops after a few steps. */
export function slowClock(): ReturnType<typeof manualClock> {
  const clock = manualClock()
  let looks = 0
  return { ...clock, monotonic: () => looks++ }
}

export async function openTestStore(
  t: Pick<TestContext, 'after'>,
  some: Partial<StoreSettings> = {},
  clock = manualClock(),
): Promise<TestStore> {
  const [only] = await testStores(t, 1, [some], clock)
  if (only === undefined) throw new Error('no store')
  return only
}

export function indexerOf({ db, clock, options, store }: TestStore): SearchIndexer {
  return new SearchIndexer({ db, clock, settings: options.settings, read: store.read.bind(store) })
}

function testStore(options: StoreOptions, clock: TestStore['clock']): TestStore {
  const { db, log } = options
  const store = createStore(options)
  return {
    store,
    db,
    log,
    options,
    clock,
    async deposit(mailbox = 'INBOX', { flags = [], octets = 100, dateMs = clock.now() } = {}) {
      const made = await db.write((tx) =>
        store.deposit(tx, {
          account: ACCOUNT,
          mailbox,
          recordId: Buffer.alloc(16),
          at: { segment: 0, offset: 0, length: octets },
          prefix: Buffer.alloc(0),
          facts: NO_FACTS,
          flags,
          internalDateMs: dateMs,
        }),
      )
      if (made === undefined) throw new Error('not deposited')
      return made
    },
    async select(mailbox = 'INBOX', readOnly = false) {
      const selected = await store.select(ACCOUNT, mailbox, { readOnly })
      if ('refused' in selected) throw new Error(selected.text)
      return selected
    },
  }
}

const NOTHING = Buffer.alloc(0)
export const NO_FACTS: MessageFacts = {
  envelope: NOTHING,
  bodyStructure: NOTHING,
  listedFields: NOTHING,
  parts: NOTHING,
  messageId: '',
  rawHeaders: false,
  threadKeys: [],
  sentMs: Number.NaN,
}
