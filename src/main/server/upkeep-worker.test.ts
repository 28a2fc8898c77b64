import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { listen, systemClock } from '#src/base/mod.ts'
import { SegmentLog } from '../../io/blobs/mod.ts'
import { parseValue } from '../../io/config/mod.ts'
import { WriteTurn } from '../../io/db/mod.ts'
import {
  ChangeFeed,
  createStore,
  FEED_OCTETS,
  indexStatus,
  storeParams,
  type StoreSettings,
} from '../../mail/store/mod.ts'
import { openMailDatabase } from './database.ts'
import { UpkeepWorker } from './upkeep-worker.ts'

const ACCOUNT = 1

/** The thread looks once a second; a loaded machine may be slow. */
async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !holds(); i++) await sleep(50)
  assert.ok(holds())
}

test('the upkeep thread is started again when it dies, indexes what comes, takes up settings, and stops', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-upkeep-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const data = join(dir, 'data')
  const database = join(data, 'mail.db')
  const values = Object.entries(storeParams).map(([name, spec]) => [name, parseValue(name, spec.default, spec)])
  const settings = Object.fromEntries(values) as StoreSettings // each by its own spec
  const turn = new WriteTurn()
  const died: string[] = []
  t.after(listen((event) => 'text' in event && event.event === 'main.thread-died' && died.push(String(event.text))))
  const worker = new UpkeepWorker({ database, dir: data, settings }, turn)
  worker.start() // there is no such directory yet
  await until(() => died.length > 0)
  assert.match(died[0] ?? '', /^upkeep thread died: .*unable to open database/)

  mkdirSync(data)
  const db = openMailDatabase(database, { turn })
  const log = new SegmentLog({ dir: data, db, clock: systemClock, memoryLimit: 1 << 20 })
  const feed = new ChangeFeed(new SharedArrayBuffer(FEED_OCTETS))
  const store = createStore({ db, log, feed, clock: systemClock, settings })
  await store.provision(ACCOUNT)
  await store.append(ACCOUNT, 'INBOX', [Buffer.from('Subject: x\r\n\r\ntext')], { sizeOctets: 18, flags: [] })
  await until(() => indexStatus(db.read).indexed === 1)
  worker.apply({ ...settings, search_index: false })
  await until(() => indexStatus(db.read).indexed === 0)
  const { syncs } = db
  await worker.stop()
  assert.ok(db.syncs > syncs, 'the last pass of the sync line is made by a stop in order')
  await log.close()
  db.close()
})
