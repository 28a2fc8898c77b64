/**
 * The search index on mail that reads like mail, in seven languages: CPU to build it, its size, what it lets through that does
 * not match, and CPU of a search with and without it. `node bench/search-index.ts [messages]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { manualClock } from '../src/base/mod.ts'
import { parseValue } from '../src/io/config/mod.ts'
import { logSchema, SegmentLog } from '../src/io/blobs/mod.ts'
import { openDatabase, WriteTurn } from '../src/io/db/mod.ts'
import {
  ChangeFeed,
  createStore,
  FEED_OCTETS,
  type Selected,
  storeParams,
  storeSchema,
  type StoreSettings,
  StoreUpkeep,
} from '../src/mail/store/mod.ts'

type SearchKey = Parameters<Selected['search']>[0]

const ACCOUNT = 1
const N = Number(process.argv[2] ?? 20_000)

/** mulberry32: the same mail every time. */
function randomOf(seed: number): () => number {
  let a = seed
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const SYLLABLES = {
  en: 'the ing and ion er re on an ed com ter pro ment th st ly con tion ble ness al us way out work day wh ough'.split(
    ' ',
  ),
  es: 'de la que ción ar er ía os as mente con pre señ ñan ción ter tra bió ués más año gui lle rr'.split(' '),
  de: 'der die und sch ung ver ge ein keit lich über heit straß ent ber ächt ött mann haus zeit werk'.split(' '),
  ru: 'по на не ст ени про ать ого ный при ком раз вы пре том ска ция щий жде ово'.split(' '),
  vi: 'nh ng ươ iệ tr ch ôn ất ảo đị ớc ần th ội ữ'.split(' '),
}
const LANGUAGES = ['en', 'en', 'en', 'es', 'de', 'ru', 'vi', 'zh', 'ja'] as const
const WORDS = 12_000

/** Words with the frequencies of a language: the n-th is as frequent as 1/n. */
function vocabulary(language: string, random: () => number): readonly string[] {
  const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] ?? ''
  const ideograph = (): string => String.fromCodePoint(0x4e00 + Math.floor(random() ** 3 * 6000))
  const kana = (): string => String.fromCodePoint(0x3042 + Math.floor(random() * 80))
  return Array.from({ length: WORDS }, (_, i) => {
    if (language === 'zh') return ideograph() + (random() < 0.6 ? ideograph() : '')
    if (language === 'ja') return random() < 0.5 ? kana() + kana() : ideograph() + ideograph() + kana()
    const length = 1 + Math.floor(random() * Math.min(4, 1 + Math.log2(i + 2) / 2))
    return Array.from({ length }, () => pick(SYLLABLES[language as 'en'])).join('')
  })
}

const dense = (language: string): boolean => language === 'zh' || language === 'ja'

class Writer {
  readonly #random = randomOf(1)
  readonly #words = new Map(LANGUAGES.map((one) => [one as string, vocabulary(one, this.#random)]))

  word(language: string): string {
    return this.#words.get(language)?.[Math.floor(WORDS ** this.#random()) - 1] ?? ''
  }

  text(language: string, letters: number): string {
    let text = ''
    let line = 0
    while (text.length < letters) {
      const word = this.word(language) + (this.#random() < 0.1 ? (dense(language) ? '。' : '.') : '')
      text += word
      line += word.length + 1
      if (line > 66) {
        text += '\r\n'
        line = 0
      } else if (!dense(language)) text += ' '
    }
    return text
  }

  message(i: number): Buffer {
    const random = this.#random
    const language = LANGUAGES[i % LANGUAGES.length] ?? 'en'
    const octets = Math.min(
      60_000,
      Math.exp(7.6 + 0.9 * Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(6.28 * random())),
    )
    const encoded = (text: string): string => `=?utf-8?B?${Buffer.from(text).toString('base64')}?=`
    const noise = (n: number): string =>
      Array.from({ length: n }, () => Math.floor(random() * 36 ** 8).toString(36)).join('')
    const head = [
      `Return-Path: <${noise(1)}@example.org>`,
      `Received: from mx${i % 7}.example.org (mx.example.org [192.0.2.${i % 250}]) by mail.example.com with ESMTPS id ${noise(2)}; Mon, 2 Mar 2026 10:00:00 +0000`,
      `DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1; h=from:to:subject; bh=${noise(6)};\r\n b=${noise(40)}`,
      `From: ${encoded(this.word(language))} <user${i % 300}@example.org>`,
      `To: <box${i % 50}@example.com>`,
      `Subject: ${encoded(this.text(language, 25))} ${i >> 3}`,
      `Message-ID: <${noise(3)}@example.org>`,
      'MIME-Version: 1.0',
    ]
    const text = this.text(language, dense(language) ? octets / 3 : octets)
    const body = i % 3 === 0 ? `<html><body><p>${text.replaceAll('.', '</p><p>')}</p></body></html>` : text
    head.push(`Content-Type: text/${i % 3 === 0 ? 'html' : 'plain'}; charset=utf-8`, 'Content-Transfer-Encoding: 8bit')
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
}

function settings(some: Partial<StoreSettings>): StoreSettings {
  const values = Object.entries(storeParams).map(([name, spec]) => [name, parseValue(name, spec.default, spec)])
  return { ...(Object.fromEntries(values) as StoreSettings), ...some } // each by its own spec
}

async function cpu<T>(work: () => Promise<T>): Promise<[us: number, T]> {
  const before = process.cpuUsage()
  const result = await work()
  const { user, system } = process.cpuUsage(before)
  return [user + system, result]
}

const dir = mkdtempSync(join(tmpdir(), 'postigo-bench-'))
try {
  const db = openDatabase({ path: join(dir, 'mail.db'), schemas: [logSchema, storeSchema], turn: new WriteTurn() })
  const clock = { ...manualClock(), monotonic: () => performance.now() }
  const log = new SegmentLog({ dir, db, clock, memoryLimit: 32 << 20 })
  const make = (search_index: boolean): ReturnType<typeof createStore> =>
    createStore({
      db,
      log,
      feed: new ChangeFeed(new SharedArrayBuffer(FEED_OCTETS)),
      clock,
      settings: settings({ search_index }),
    })
  const [store, plain] = [make(true), make(false)]
  await store.provision(ACCOUNT)
  const writer = new Writer()
  let octets = 0
  for (let i = 0; i < N; i += 100) {
    const some = Array.from({ length: Math.min(100, N - i) }, (_, k) => writer.message(i + k))
    octets += some.reduce((sum, one) => sum + one.length, 0)
    await Promise.all(some.map((one) => store.append(ACCOUNT, 'INBOX', [one], { sizeOctets: one.length, flags: [] })))
  }
  console.log(`${N} messages of ${Math.round(octets / N)} octets`)
  const upkeep = new StoreUpkeep({ db, clock, settings: settings({}), read: store.read.bind(store) })
  const [build] = await cpu(() => upkeep.index.run())
  const [size = 0] =
    db.read
      .sql('SELECT (SELECT count(*) FROM search_slice) * 4096 + (SELECT count(*) FROM search_recent) * 2048')
      .get() ?? []
  console.log(`build: ${(build / N).toFixed(1)} µs and ${(Number(size) / N / 1024).toFixed(2)} KiB a message`)
  const [one, other] = await Promise.all([store, plain].map((it) => it.select(ACCOUNT, 'INBOX', { readOnly: true })))
  if (one === undefined || other === undefined || 'refused' in one || 'refused' in other) throw new Error('no mailbox')
  const keys: [string, SearchKey][] = [
    ...['en', 'es', 'ru', 'zh', 'ja'].flatMap((language): [string, SearchKey][] => [
      [`SUBJECT ${language}`, { key: 'HEADER', field: 'subject', text: writer.text(language, 8).trim() }],
      [`BODY ${language}, a word`, { key: 'BODY', text: writer.word(language) }],
      [`BODY ${language}, some words`, { key: 'BODY', text: writer.text(language, 12).trim() }],
    ]),
    ['SUBJECT, a number', { key: 'HEADER', field: 'subject', text: ' 12' }],
    ['FROM, an address', { key: 'HEADER', field: 'from', text: 'user17@' }],
    ['HEADER List-Id, in none', { key: 'HEADER', field: 'list-id', text: 'postigo' }],
    ['BODY, in none', { key: 'BODY', text: 'zephyr quokka' }],
    ['TEXT, in none', { key: 'TEXT', text: 'zephyr quokka' }],
    ['TEXT, an address', { key: 'TEXT', text: 'user17@example.org' }],
    ['BODY, two letters', { key: 'BODY', text: 'th' }],
  ]
  console.log(`${'search'.padEnd(26)} found  let through  µs a message  without`)
  for (const [name, key] of keys) {
    let read = 0
    await one.search(key, (_, goal) => (read = goal))
    const [us, found] = await cpu(() => one.search(key))
    const [without, all] = await cpu(() => other.search(key))
    if (found.length !== all.length) throw new Error(`${name}: ${found.length} of ${all.length}`)
    const text = 'text' in key ? JSON.stringify(key.text) : ''
    console.log(
      `${name.padEnd(26)} ${String(found.length).padStart(5)} ${String(read - found.length).padStart(12)} ${(us / N).toFixed(2).padStart(13)} ${(without / N).toFixed(2).padStart(8)}  ${text}`,
    )
  }
  await log.close()
  db.close()
} finally {
  rmSync(dir, { recursive: true })
}
