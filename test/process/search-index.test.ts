/** `postigo search-index` beside a running server and without one, as typed. */
import assert from 'node:assert/strict'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { install } from '../support/process.ts'

test('the search index is looked at and made anew, by the upkeep thread or by nobody but the command', async (t) => {
  const { dir, postigo, foreground } = await install(t, 'front_threads = 1\nsingle_thread = no\n')
  const searchIndex = async (...words: string[]): Promise<string> => {
    const { code, out, err } = await postigo(['search-index', ...words])
    return `${code} ${out}${err}`
  }
  assert.equal((await postigo(['account', 'add', 'ana', '-p'], 'secret\n')).code, 0)
  assert.equal((await postigo(['account', 'add', 'eva', '-p'], 'secret\n')).code, 0)
  await foreground()
  for (const n of [1, 2, 3])
    assert.equal((await postigo(['deliver', '-d', n === 3 ? 'eva' : 'ana'], `Subject: ${n}\n\ntext\n`)).code, 0)
  assert.match(await searchIndex('rebuild'), /^0 3 of 3 messages indexed \(100 %\), 0 blocks, 0\.0 MiB\n$/)
  assert.match(await searchIndex('rebuild', 'ana'), /^0 2 of 2 messages /)
  assert.match(await searchIndex('status', 'nobody'), /^69 postigo search-index: there is no account nobody\n$/)
  assert.match(await searchIndex('mend'), /^64 /)
  assert.equal((await postigo(['stop'])).code, 0)
  assert.match(await searchIndex('rebuild', 'eva'), /^0 1 of 1 messages /)
  assert.deepEqual(JSON.parse((await postigo(['search-index', '--json'])).out), {
    isKept: true,
    messages: 3,
    indexed: 3,
    blocks: 0,
    octets: 6144,
  })
  appendFileSync(join(dir, 'main.cf'), 'search_index = no\n')
  assert.match(await searchIndex(), /^0 no index is kept \(search_index = no\)\n$/)
  assert.match(await searchIndex('rebuild'), /^69 postigo search-index: search_index = no: there is no index\n$/)
})
