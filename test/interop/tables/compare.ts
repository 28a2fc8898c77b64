/** The same tables and keys, asked by Postfix's postmap and by ours; answers and errors are compared word by word. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { CliIo } from '../../../src/main/cli/io.ts'
import { postmap } from '../../../src/main/cli/postmap.ts'

/** Keys that quoting, splitting or folding could go wrong with. */
export const KEYS: readonly string[] = [
  'ana',
  'Ana@Example.Test',
  'ana@example.test',
  'list@example.test',
  'many@example.test',
  'empty@example.test',
  'null@example.test',
  'nobody@example.test',
  "o'brien@example.test",
  "o''brien@example.test",
  '"quoted local"@example.test',
  'back\\slash@example.test',
  "back\\'slash@example.test",
  'per%cent@example.test',
  '%s',
  '*',
  'a*@example.test',
  '(ana)@example.test',
  'ana)(mail=*',
  'under_score@example.test',
  'josé@example.test',
  'ana@example.test; DROP TABLE alias',
  "' OR '1'='1",
  '@example.test',
  'example.test',
  'ana@sub.example.test',
  'ana@a.b.c.d',
  'ana@..test',
  'ana@',
  '@',
  'a@b@example.test',
  'ana@elsewhere.test',
  'c,d=e+f;g<h>i#j@example.test',
  ' blank @example.test',
]

export interface Directory {
  readonly path: string
  /** Writes a table's settings; answers the file. */
  readonly table: (name: string, lines: string) => string
}

/** A directory of tables that Postfix too may read. */
export function tableFiles(t: TestContext): Directory {
  const path = mkdtempSync(join(tmpdir(), 'postigo-tables-'))
  chmodSync(path, 0o755)
  writeFileSync(join(path, 'main.cf'), '')
  t.after(() => rmSync(path, { recursive: true, force: true }))
  return {
    path,
    table(name, lines) {
      const file = join(path, name)
      writeFileSync(file, lines)
      return file
    },
  }
}

export interface Answer {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function askOurs(dir: string, words: readonly string[], input = ''): Promise<Answer> {
  let [out, err] = ['', '']
  const io: CliIo = {
    stdin: Readable.from([Buffer.from(input)]),
    out: (text) => (out += String(text)),
    err: (text) => (err += text),
    env: {},
    cwd: dir,
    tty: false,
  }
  const code = await postmap(['-c', dir, ...words], io)
  return { code, out, err }
}

export function askPostfix(dir: string, words: readonly string[], input = ''): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile('/usr/sbin/postmap', ['-c', dir, ...words], { timeout: 30_000 }, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code ?? -1)
      // Behind "query error" stands whatever errno was left over.
      resolve({ code, out, err: err.replace(/((?:query|delete) error): .*/g, '$1') })
    })
    child.stdin?.on('error', () => {}) // it need not read
    child.stdin?.end(input)
  })
}

export type Normal = (text: string) => string

export interface CompareOptions {
  readonly input?: string
  /** Takes away what two client libraries say differently. */
  readonly normal?: Normal
}

/** Asks both with the same words, and answers what Postfix said. */
export async function compare(dir: string, words: readonly string[], options: CompareOptions = {}): Promise<Answer> {
  const [answer] = await compareAll(dir, [words], options)
  assert.ok(answer)
  return answer
}

/** Postfix's are asked all at once (they wait a second when they fail), ours one after another. */
export async function compareAll(
  dir: string,
  all: readonly (readonly string[])[],
  { input = '', normal = (text) => text }: CompareOptions = {},
): Promise<Answer[]> {
  const show = ({ code, out, err }: Answer): string => `exit code ${code}\n${out}\n${normal(err)}`
  const theirs = await Promise.all(all.map((words) => askPostfix(dir, words, input)))
  for (const [i, words] of all.entries())
    assert.equal(show(await askOurs(dir, words, input)), show(theirs[i]!), words.join(' '))
  return theirs
}

/** Asks both for `ana`: each table answers both or neither; the words of OpenSSL's errors are each library's own. */
export async function sameAnswers(
  dir: string,
  tables: readonly (readonly [table: string, isAnswered: boolean])[],
): Promise<void> {
  const theirs = await Promise.all(tables.map(([name]) => askPostfix(dir, ['-q', 'ana', name])))
  for (const [i, [name, isAnswered]] of tables.entries()) {
    const ours = await askOurs(dir, ['-q', 'ana', name])
    const [postfix, postigo] = [theirs[i]!, ours].map(({ code, out }) => `${code}: ${out}`)
    assert.equal(postigo, postfix, `${name}: ${theirs[i]?.err}${ours.err}`)
    assert.equal(ours.out !== '', isAnswered, `${name}: ${ours.err}`)
  }
}

/** Both are given all keys at once; answers how many have a result. */
export async function compareKeys(
  dir: string,
  tables: readonly string[],
  normal: Normal,
  keys = KEYS,
): Promise<number> {
  const words = tables.map((table) => ['-q', '-', table])
  const answers = await compareAll(dir, words, { input: keys.map((key) => `${key}\n`).join(''), normal })
  return answers.reduce((sum, { out }) => sum + out.split('\n').length - 1, 0)
}
