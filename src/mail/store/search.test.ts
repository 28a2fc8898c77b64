import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SearchKey } from '../../formats/imap/mod.ts'
import { COLLATIONS, unicodeCasemap } from '../../formats/message/mod.ts'
import { compileKey } from './search-keys.ts'
import { ACCOUNT, indexerOf, openTestStore, type TestStore } from './testing.ts'

const DAY = 86_400_000
const day = (text: string): number => Date.parse(`${text}T00:00:00Z`) / DAY

async function append(
  { store }: TestStore,
  text: string,
  flags: readonly string[] = [],
  date = '2026-03-01',
): Promise<void> {
  const octets = Buffer.from(text.replace(/\r?\n/g, '\r\n'))
  const internalDateMs = Date.parse(`${date}T12:00:00Z`)
  const made = await store.append(ACCOUNT, 'INBOX', [octets], { sizeOctets: octets.length, flags, internalDateMs })
  assert.ok('uid' in made)
}

const base64 = (text: string): string =>
  Buffer.from(text)
    .toString('base64')
    .replace(/(.{76})/g, '$1\r\n')

/** 1: plain. 2: encoded words, base64, Japanese. 3: multipart with HTML, an attached message and an image. 4: no date. */
async function letters(world: TestStore): Promise<void> {
  await append(
    world,
    `From: Ana <ana@mail.example>
To: b@mail.example
Subject: Budget for March
Date: Sat, 28 Feb 2026 23:30:00 -0500
X-Project: Postigo
Message-ID: <1@x>

We met at the CAFÉ yesterday.
`,
    ['\\Seen', 'Work'],
  )
  await append(
    world,
    `From: =?utf-8?q?Jos=C3=A9?= <jose@mail.example>
Subject: =?iso-2022-jp?B?GyRCQEE1YT1xGyhC?=
Date: 1 Mar 2026 10:00:00 +0000
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

${base64('請求書の件について\r\nper favore\r\n')}
`,
    ['\\Flagged'],
    '2026-03-02',
  )
  await append(
    world,
    `From: c@mail.example
Subject: parts
Date: Mon, 2 Mar 2026 10:00:00 +0000
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html
Content-Description: leaflet

<p>Half <b>pr</b>ice
   &amp; free<script>hidden words</script></p>
--b
Content-Type: message/rfc822

Subject: forwarded thing
From: d@mail.example

inner text
--b
Content-Type: image/png
Content-Transfer-Encoding: base64

${base64('secret pixels')}
--b--
`,
    ['\\Seen', '\\Deleted'],
    '2026-03-03',
  )
  await append(world, `From: e@mail.example\n\nnothing much ${'x'.repeat(2000)}\n`, [], '2026-03-03')
}

const header = (field: string, text: string, collation = unicodeCasemap): SearchKey => ({
  key: 'HEADER',
  field,
  text,
  collation,
})
const [, ASCII = unicodeCasemap, OCTET = unicodeCasemap] = COLLATIONS
const flag = (name: string, set = true): SearchKey => ({ key: 'FLAG', flag: name, set })

const TABLE: readonly (readonly [SearchKey, readonly number[]])[] = [
  [{ key: 'ALL' }, [1, 2, 3, 4]],
  [flag('\\seen'), [1, 3]],
  [flag('\\Seen', false), [2, 4]],
  [flag('work'), [1]],
  [flag('nobody', false), [1, 2, 3, 4]],
  [flag('\\Recent'), [1, 2, 3, 4]],
  [{ key: 'SEQ', set: [[2, '*']] }, [2, 3, 4]],
  [
    {
      key: 'SEQ',
      set: [
        ['*', '*'],
        [1, 1],
      ],
    },
    [1, 4],
  ],
  [{ key: 'UID', set: [[900, '*']] }, [4]],
  [
    {
      key: 'UID',
      set: [
        [3, 2],
        [2, 3],
        [900, 950],
      ],
    },
    [2, 3],
  ],
  [{ key: 'LARGER', octets: 1999 }, [4]],
  [{ key: 'SMALLER', octets: 1999 }, [1, 2, 3]],
  [{ key: 'MODSEQ', modSeq: 1n << 40n }, []],
  [{ key: 'BEFORE', day: day('2026-03-02') }, [1]],
  [{ key: 'ON', day: day('2026-03-02') }, [2]],
  [{ key: 'SINCE', day: day('2026-03-02') }, [2, 3, 4]],
  // The calendar date as written, not what it is in UTC; a message without a date is on no side.
  [{ key: 'SENTON', day: day('2026-02-28') }, [1]],
  [{ key: 'SENTBEFORE', day: day('2026-03-02') }, [1, 2]],
  [{ key: 'SENTSINCE', day: day('2026-01-01') }, [1, 2, 3]],
  [{ key: 'NOT', not: { key: 'SENTSINCE', day: day('2026-01-01') } }, [4]],
  [header('Subject', 'budget FOR'), [1]],
  [header('subject', '請求書'), [2]],
  [header('From', 'josé'), [2]],
  // RFC 5051: a mark stands behind its letter, and what is sought may end before it.
  [header('from', 'jose'), [2]],
  [header('from', 'jose '), []],
  [header('from', 'JOSÉ', OCTET), []],
  [header('from', 'José', OCTET), [2]],
  [header('from', 'jOSé', ASCII), [2]],
  [header('from', 'JOSÉ', ASCII), []],
  [header('X-PROJECT', 'post'), [1]],
  [header('x-project', ''), [1]],
  [header('subject', ''), [1, 2, 3]],
  [{ key: 'BODY', text: 'café' }, [1]],
  [{ key: 'BODY', text: 'cafe yes' }, []],
  [{ key: 'BODY', text: 'CAFÉ' }, [1]],
  [{ key: 'BODY', text: '書の件' }, [2]],
  [{ key: 'BODY', text: 'price & free' }, [3]],
  [{ key: 'BODY', text: 'hidden' }, []],
  [{ key: 'BODY', text: 'secret' }, []],
  [{ key: 'BODY', text: 'INNER TEXT' }, [3]],
  [{ key: 'BODY', text: 'forwarded thing' }, [3]],
  [{ key: 'BODY', text: 'leaflet' }, []],
  [{ key: 'TEXT', text: 'leaflet' }, [3]],
  [{ key: 'TEXT', text: 'x-project: postigo' }, [1]],
  [{ key: 'BODY', text: 'x-project' }, []],
  [{ key: 'TEXT', text: '' }, [1, 2, 3, 4]],
  [{ key: 'AND', keys: [] }, [1, 2, 3, 4]],
  [{ key: 'AND', keys: [{ key: 'BODY', text: 'nothing' }, flag('\\Seen', false)] }, [4]],
  [{ key: 'OR', left: { key: 'BODY', text: 'nothing' }, right: flag('\\Seen') }, [1, 3, 4]],
  [{ key: 'NOT', not: { key: 'OR', left: { key: 'TEXT', text: 'mail' }, right: flag('\\Seen') } }, []],
]

test('SEARCH finds exactly what RFC 9051 says', async (t) => {
  const world = await openTestStore(t)
  await letters(world)
  const selected = await world.select()
  for (const [key, found] of TABLE)
    assert.deepEqual(
      await selected.search(key),
      found,
      JSON.stringify(key, (_, v) => (typeof v === 'bigint' ? `${v}` : v)),
    )
})

test('numbers in SEARCH are those the session was told', async (t) => {
  const world = await openTestStore(t, { view_memory_limit: 0 })
  await letters(world)
  const one = await world.select()
  const two = await world.select()
  await two.expunge()
  await append(world, 'Subject: new\n\nlater\n')
  assert.deepEqual(await one.search({ key: 'ALL' }), [1, 2, 3, 4])
  assert.deepEqual(await one.search({ key: 'BODY', text: 'nothing' }), [4])
  await one.refresh({ expunges: true })
  assert.deepEqual(await one.search({ key: 'BODY', text: 'nothing' }), [3])
  assert.deepEqual(await one.search(header('subject', 'new')), [4])
})

test('long text is searched across the pieces it is read in, no character cut', async (t) => {
  const world = await openTestStore(t)
  const line = 'ä'.repeat(300)
  const long = `${`${line}\r\n`.repeat(3000)}needle\r\n${'日本'.repeat(300_000)}ende`
  for (const [encoding, body] of [
    ['8bit', long],
    ['base64', base64(long)],
  ] as const)
    await append(world, `Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: ${encoding}\n\n${body}`)
  const selected = await world.select()
  for (const text of ['äneedle', 'Ä\r\nneedle\r\n日本', '本ende', 'ä'.repeat(300)])
    assert.deepEqual(await selected.search({ key: 'BODY', text }), text === 'äneedle' ? [] : [1, 2], text)
  assert.deepEqual(await selected.search({ key: 'BODY', text: '¤' }), [], 'read as UTF-8 everywhere')
})

test('text that is not of its charset is searched by its octets too', async (t) => {
  const world = await openTestStore(t)
  for (const charset of ['utf-8', 'iso-2022-jp']) {
    const head = `Content-Type: text/plain; charset=${charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n`
    const content = Buffer.concat([Buffer.from(`${head}Crème `), Buffer.from([0xff, 0xe9]), Buffer.from(' brûlée')])
    await world.store.append(ACCOUNT, 'INBOX', [content], { sizeOctets: content.length, flags: [] })
  }
  await indexerOf(world).run()
  const selected = await world.select()
  for (const [text, found] of [
    ['Crème', [1, 2]],
    ['CRÈME', []], // octets have no case
    ['ÿé', [1]], // what is no UTF-8 is read as windows-1252 as well
    ['brûlée', [1, 2]],
  ] as const)
    assert.deepEqual(await selected.search({ key: 'BODY', text }), found, text)
})

test('a set of UIDs that stands in many keys is made ready once', () => {
  let looks = 0
  const ranges = Array.from({ length: 50 }, (_, i) => [2 * i + 1, 2 * i + 1] as const)
  const set = new Proxy(ranges, {
    get(target, name) {
      if (name === 'map') looks++
      return Reflect.get(target, name, target) as unknown
    },
  })
  const keys = Array.from({ length: 100 }, () => ({ key: 'UID', set }) as const)
  compileKey({ key: 'OR', left: { key: 'AND', keys }, right: keys[0]! }, { count: 9, lastUid: 9, nowMs: 0 })
  assert.equal(looks, 1)
})

test('what changed or came is found by MODSEQ and UIDNEXT, and sought alone', async (t) => {
  const world = await openTestStore(t)
  for (let i = 0; i < 6; i++) await world.deposit()
  const one = await world.select()
  const other = await world.select()
  const { highestModSeq, uidNext } = one
  assert.deepEqual(one.changedSince(highestModSeq, uidNext), [])
  await one.storeFlags([2], 'add', ['\\Seen'])
  await other.storeFlags([1], 'add', ['\\Deleted'])
  await other.expunge()
  await other.storeFlags([3, 5], 'add', ['\\Seen'])
  await world.deposit('INBOX', { flags: ['\\Seen'] })
  await one.refresh({ expunges: false })
  assert.deepEqual(one.changedSince(highestModSeq, uidNext), [1, 2, 3, 5, 7], 'the first one is gone and still counts')
  await one.refresh({ expunges: true })
  assert.deepEqual(one.changedSince(highestModSeq, uidNext), [1, 2, 4, 6])
  assert.deepEqual(one.changedSince(0n, 0), [1, 2, 3, 4, 5, 6])
  const seen = { key: 'FLAG', flag: '\\Seen', set: true } as const
  assert.deepEqual(await one.search(seen, undefined, [2, 3, 4]), [2, 4])
  assert.deepEqual(await one.search({ key: 'UID', set: [['*', '*']] }, undefined, [3, 6]), [6])
})
