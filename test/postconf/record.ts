/** Records what an installed Postfix says to the cases: `node test/postconf/record.ts`, with Postfix in the path. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { editCases, recordOf, showCases } from './cases.ts'

const here = import.meta.dirname
const run = (words: readonly string[], cwd: string): { out: string; err: string; code: number } => {
  const { stdout, stderr, status } = spawnSync('postconf', words, { cwd, encoding: 'utf8' })
  return { out: stdout, err: stderr, code: status ?? -1 }
}

const shown = showCases.map((words) => {
  const { out, err, code } = run(['-c', 'show', ...words], here)
  return recordOf(words, out, err, code)
})
writeFileSync(join(here, 'show.txt'), shown.join('\n'))

const edited = editCases.map((words) => {
  const directory = mkdtempSync(join(tmpdir(), 'postconf-'))
  cpSync(join(here, 'edit'), join(directory, 'edit'), { recursive: true })
  const { out, err, code } = run(['-c', 'edit', ...words], directory)
  const file = words.some((word) => /^-[MFP]/.test(word)) ? 'master.cf' : 'main.cf'
  const text = readFileSync(join(directory, 'edit', file), 'utf8')
  rmSync(directory, { recursive: true })
  return recordOf(words, out, err, code, text)
})
writeFileSync(join(here, 'edit.txt'), edited.join('\n'))
