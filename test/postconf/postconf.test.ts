/** postconf(1) against what Postfix said to the same words on the same files; record.ts made the records. */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { test, type TestContext } from 'node:test'
import type { CliIo } from '../../src/main/cli/io.ts'
import { postconf } from '../../src/main/cli/postconf.ts'
import { editCases, recordOf, showCases } from './cases.ts'

const here = import.meta.dirname

async function run(words: readonly string[]): Promise<{ out: string; err: string; code: number }> {
  let out = ''
  let err = ''
  const io: CliIo = {
    stdin: Readable.from([]),
    out: (text) => (out += text),
    err: (text) => (err += text),
    env: {},
    cwd: process.cwd(),
    tty: false,
  }
  const code = await postconf(words, io)
  return { out, err, code }
}

/** A directory with a copy of one of ours, as the working directory: the records name files from there. */
function workIn(t: TestContext, name: 'show' | 'edit'): string {
  const directory = mkdtempSync(join(tmpdir(), 'postigo-postconf-'))
  cpSync(join(here, name), join(directory, name), { recursive: true })
  const before = process.cwd()
  process.chdir(directory)
  t.after(() => {
    process.chdir(before)
    rmSync(directory, { recursive: true })
  })
  return join(directory, name)
}

const records = (name: string): string[] =>
  readFileSync(join(here, name), 'utf8')
    .split(/^(?=\$ )/m)
    .map((text) => `${text.trimEnd()}\n`)

for (const [i, words] of showCases.entries()) {
  test(`postconf ${words.join(' ')}`, async (t) => {
    workIn(t, 'show')
    const { out, err, code } = await run(['-c', 'show', ...words])
    assert.equal(recordOf(words, out, err, code), records('show.txt')[i])
  })
}

for (const [i, words] of editCases.entries()) {
  test(`postconf ${words.join(' | ')}`, async (t) => {
    const directory = workIn(t, 'edit')
    const { out, err, code } = await run(['-c', 'edit', ...words])
    const file = words.some((word) => /^-[MFP]/.test(word)) ? 'master.cf' : 'main.cf'
    const text = readFileSync(join(directory, file), 'utf8')
    assert.equal(recordOf(words, out, err, code, text), records('edit.txt')[i])
  })
}
