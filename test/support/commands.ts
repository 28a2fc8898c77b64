/** Commands run in the test's own process. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { TestContext } from 'node:test'
import type { CliIo, Command } from '#src/main/cli/io.ts'

export interface RanHere {
  readonly code: number
  readonly out: string
  readonly err: string
}

export async function ran(command: Command, words: readonly string[]): Promise<RanHere> {
  let [out, err] = ['', '']
  const io: CliIo = {
    stdin: Readable.from([]),
    out: (text) => void (out += text.toString()),
    err: (text) => void (err += text),
    env: {},
    cwd: '/',
    tty: false,
  }
  const code = await command(words, io)
  return { code, out, err }
}

/** Gone when the test ends. */
export function directory(t: Pick<TestContext, 'after'>): string {
  const dir = mkdtempSync(join(tmpdir(), 'postigo-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
