import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import type { CliIo } from './io.ts'
import { newaliases, postalias } from './postalias.ts'
import { postmap } from './postmap.ts'
import { sendmail } from './sendmail.ts'

test('newaliases and sendmail -bi index alias_database, or what -oA names', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-aliases-'))
  t.after(() => rmSync(dir, { recursive: true }))
  writeFileSync(join(dir, 'main.cf'), `alias_database = hash:${dir}/own\nmyhostname = a.test\n`)
  for (const name of ['own', 'other', 'third']) writeFileSync(join(dir, name), 'a: b\n')
  let said = ''
  const io: CliIo = { stdin: Readable.from([]), out: () => {}, err: (s) => (said += s), env: {}, cwd: dir, tty: false }
  const indexed = (): string[] => ['own', 'other', 'third'].filter((name) => existsSync(join(dir, `${name}.postigo`)))
  assert.equal(await newaliases(['-C', dir, `-oA${dir}/other`], io), 0, said)
  assert.deepEqual(indexed(), ['other'])
  assert.equal(await sendmail(['-C', dir, '-bi', '-oAhash:' + join(dir, 'third')], io), 0, said)
  assert.deepEqual(indexed(), ['other', 'third'])
  assert.equal(await newaliases(['-c', dir], io), 0, said)
  assert.deepEqual(indexed(), ['own', 'other', 'third'])
  assert.equal(await newaliases(['-C', dir, `-oA${dir}/none`], io), 1)
})

test('default_database_type is the type of a table that newaliases, postalias and postmap are given without one', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-aliases-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'own')
  writeFileSync(file, 'a: b\nc d\n')
  let said = ''
  let out = ''
  const io: CliIo = {
    stdin: Readable.from([]),
    out: (s) => (out += s),
    err: (s) => (said += s),
    env: {},
    cwd: dir,
    tty: false,
  }
  const setType = (type: string): void =>
    writeFileSync(join(dir, 'main.cf'), `alias_database = ${file}\ndefault_database_type = ${type}\n`)
  setType('texthash') // a text that is read as it is
  assert.equal(await postmap(['-c', dir, '-q', 'c', file], io), 0, said)
  assert.equal(out, 'd\n')
  for (const [command, words] of [
    [newaliases, []],
    [postalias, [file]],
    [postmap, [file]],
  ] as const) {
    said = ''
    assert.equal(await command(['-c', dir, ...words], io), 1)
    assert.match(said, /texthash/)
  }
  assert.ok(!existsSync(`${file}.postigo`))
  setType('btree')
  assert.equal(await newaliases(['-c', dir], io), 0, said)
  assert.ok(existsSync(`${file}.postigo`))
})
