/** postconf(1) -e, -X and -# on main.cf. */
import { ConfigError, type Edit, editMainCf, replaceFile, splitNameValue } from '../../io/config/mod.ts'
import { type CliIo, configDirectory, EX } from './io.ts'
import { readText } from './postconf-open.ts'
import type { PostconfWords } from './postconf-words.ts'

/** An error that belongs to no file. */
export const fault = (text: string): ConfigError => new ConfigError(text, { file: '', line: 0 })

/** What is true of every request for a change. `who` stands in front of the message. */
export function checkRequest(text: string, who: string): void {
  if (text.includes('\n')) throw fault(`${who} no multi-line input`)
  if (text.trimStart().startsWith('#')) throw fault(`${who} no comment input`)
}

/** Changes main.cf, keeping its comments and order. */
export function editParameters(words: PostconfWords, io: CliIo): number {
  const file = `${configDirectory(words.config, io)}/main.cf`
  const edits = new Map<string, Edit>()
  for (const text of words.names) {
    checkRequest(text, '-e, -X, or -# accepts')
    const [name, edit] = editOf(text.trimStart(), words.flags)
    const earlier = edits.get(name)
    if (earlier !== undefined) {
      const shown = earlier.kind === 'set' ? earlier.text : `${name} = (null)`
      io.err(`postconf: warning: ignoring earlier request: '${shown}'\n`)
    }
    edits.set(name, edit)
  }
  const sorted = new Map([...edits].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  const { text, doubled } = editMainCf(readText(file), sorted)
  for (const name of doubled) io.err(`postconf: warning: ${file}: multiple entries for "${name}"\n`)
  replaceFile(file, text)
  return EX.ok
}

function editOf(text: string, flags: ReadonlySet<string>): [string, Edit] {
  if (!flags.has('e')) {
    if (text === '') throw fault('-X or -# requires non-blank parameter names')
    if (text.includes('=')) throw fault('-X or -# requires parameter names without value')
    return [text.trimEnd(), { kind: flags.has('X') ? 'remove' : 'comment-out' }]
  }
  const pair = splitNameValue(text)
  if (typeof pair === 'string') throw fault(`${pair}: "${text}"`)
  return [pair.name, { kind: 'set', text: `${pair.name} = ${pair.value}` }]
}
