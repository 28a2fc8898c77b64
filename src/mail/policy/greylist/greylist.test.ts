/** Greylisting as a table of who comes when. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { manualClock } from '../../../base/mod.ts'
import type { Settings } from '../../../io/config/mod.ts'
import { openDatabase } from '../../../io/db/mod.ts'
import { facts, said, testPolicy } from '../fixture.test.ts'
import { Greylist } from './greylist.ts'
import type { greylistParams } from './params.ts'
import { greylistSchema } from './schema.ts'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const DEFAULTS: Settings<typeof greylistParams> = {
  greylist_delay: 5 * MINUTE,
  greylist_retry_window: 2 * DAY,
  greylist_lifetime: 35 * DAY,
  greylist_auto_allow_clients: 2,
  greylist_client_ipv4_prefix_length: 24,
  greylist_client_ipv6_prefix_length: 64,
  greylist_client_exceptions: '',
  greylist_entry_limit: 1_000_000,
}

function setUp(t: TestContext, cf: Partial<typeof DEFAULTS> = {}) {
  const db = openDatabase({ path: ':memory:', schemas: [greylistSchema] })
  t.after(() => db.close())
  const clock = manualClock()
  const greylist = new Greylist(db, clock, { ...DEFAULTS, ...cf }, assert.ifError)
  /** `address sender recipient`, so long after the one before. */
  const come = async (afterMs: number, words: string): Promise<string> => {
    clock.advance(afterMs)
    const [address = '', sender = '', recipient = ''] = words.split(' ')
    const { waitMs, why } = await greylist.ask({ address, sender, recipient })
    return waitMs > 0 ? `${why}: ${waitMs / 1000} s` : why
  }
  const rows = (): number => Number(db.read.sql('SELECT count(*) FROM greylist').get()?.[0])
  return { db, clock, greylist, come, rows }
}

test('who is new waits; who comes again is known, from the same network', async (t) => {
  const { come } = setUp(t)
  for (const [afterMs, words, expected] of [
    [0, '192.0.2.1 a@x.test u@mail.test', 'new: 300 s'],
    [MINUTE, '192.0.2.1 a@x.test u@mail.test', 'too early: 240 s'],
    [4 * MINUTE, '192.0.2.77 A@X.test u@mail.test', 'came again'],
    [DAY, '192.0.2.1 a@x.test u@mail.test', 'known'],
    // Another network, sender or recipient is new.
    [0, '198.51.100.1 a@x.test u@mail.test', 'new: 300 s'],
    [0, '192.0.2.1 b@x.test u@mail.test', 'new: 300 s'],
    [0, '192.0.2.1 a@x.test v@mail.test', 'new: 300 s'],
    [0, '2001:db8::1 a@x.test u@mail.test', 'new: 300 s'],
    [5 * MINUTE, '2001:db8::ffff a@x.test u@mail.test', 'came again'],
    [34 * DAY, '192.0.2.1 a@x.test u@mail.test', 'known'],
    [35 * DAY, '192.0.2.1 a@x.test u@mail.test', 'new again: 300 s'],
  ] as const)
    assert.equal(await come(afterMs, words), expected, words)
})

test('who comes again too late is new again; a clock that was set back makes nobody wait for long', async (t) => {
  const { come } = setUp(t)
  assert.equal(await come(0, '192.0.2.1 a@x.test u@mail.test'), 'new: 300 s')
  assert.equal(await come(2 * DAY, '192.0.2.1 a@x.test u@mail.test'), 'new again: 300 s')
  assert.equal(await come(-DAY, '192.0.2.1 a@x.test u@mail.test'), 'new again: 300 s')
  assert.equal(await come(5 * MINUTE, '192.0.2.1 a@x.test u@mail.test'), 'came again')
})

test('numbers and extensions of a sender make no difference', async (t) => {
  const { come } = setUp(t)
  await come(0, '192.0.2.1 bounce-17-u=mail.test@lists.test u@mail.test')
  assert.equal(await come(5 * MINUTE, '192.0.2.1 bounce-18-u=mail.test@lists.test u@mail.test'), 'came again')
  await come(0, '192.0.2.1 list+one@lists.test u@mail.test')
  assert.equal(await come(5 * MINUTE, '192.0.2.1 list+two@lists.test u@mail.test'), 'came again')
})

test('a client that has come again often no longer waits', async (t) => {
  const { come } = setUp(t)
  for (const sender of ['a@x.test', 'b@x.test']) {
    await come(0, `192.0.2.1 ${sender} u@mail.test`)
    assert.equal(await come(5 * MINUTE, `192.0.2.1 ${sender} u@mail.test`), 'came again')
  }
  assert.match(await come(0, '192.0.2.9 c@x.test u@mail.test'), /has passed 2 times$/)
  assert.match(await come(34 * DAY, '192.0.2.9 c@x.test u@mail.test'), /has passed 2 times$/)
  assert.equal(await come(35 * DAY, '192.0.2.9 c@x.test u@mail.test'), 'new: 300 s')
})

test('what is old goes, and no more than the limit is kept', async (t) => {
  const { come, rows } = setUp(t, { greylist_entry_limit: 1000 })
  for (let n = 0; n < 10_000; n++) await come(1, `192.0.2.1 a@x${n}.test u@mail.test`)
  assert.equal(rows(), 1000)
  await come(3 * DAY, '192.0.2.1 a@x.test u@mail.test')
  assert.equal(rows(), 1)
})

test('no more client networks than the limit are kept, and old ones go however many they are', async (t) => {
  const { come, db, clock } = setUp(t, { greylist_entry_limit: 2000 })
  const networks = (): number => Number(db.read.sql('SELECT count(*) FROM greylist_client').get()?.[0])
  const known = async (count: number): Promise<void> =>
    db.write((tx) => {
      const insert = tx.sql('INSERT OR REPLACE INTO greylist_client (network, passes, seen_ms) VALUES (?, 1, ?)')
      for (let n = 0; n < count; n++) insert.run(`128/64:${n}`, clock.now() + n)
    })
  await known(5000)
  await come(DAY, '192.0.2.1 a@x.test u@mail.test')
  assert.equal(networks(), 2000)
  const [oldest] = db.read.sql('SELECT min(seen_ms) FROM greylist_client').get() ?? []
  assert.equal(Number(oldest), clock.now() - DAY + 3000, 'the oldest went')
  await come(36 * DAY, '192.0.2.1 a@x.test u@mail.test')
  assert.equal(networks(), 0)
})

test('check_greylist in a list of restrictions', async (t) => {
  const { clock, greylist } = setUp(t)
  const mainCf =
    'relay_domains = mail.test\ngreylist_client_exceptions = 198.51.100.0/24\nsmtpd_recipient_restrictions = check_greylist\n'
  const policy = testPolicy(mainCf, { ports: { greylist }, clock })
  const ask = async (address: string): Promise<string> =>
    said(await policy.rcpt(facts({ address, sender: 'a@x.test', recipient: 'u@mail.test' })))
  assert.equal(
    await ask('192.0.2.1'),
    '450 4.2.0 <u@mail.test>: Recipient address rejected: Greylisted, come again in 300 seconds',
  )
  assert.doesNotMatch(await ask('198.51.100.1'), /Greylisted/)
  clock.advance(5 * MINUTE)
  assert.doesNotMatch(await ask('192.0.2.1'), /Greylisted/)
})
