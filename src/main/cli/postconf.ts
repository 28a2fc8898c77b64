/** postconf(1): parameters and master.cf's entries, as set, by default or by name; -e changes them. */
import { ConfigError } from '../../io/config/mod.ts'
import { TABLE_TYPES } from '../../io/tables/mod.ts'
import { type CliIo, type Command, EX } from './io.ts'
import { editParameters, showParameters } from './postconf-main.ts'
import {
  editEntries,
  editFields,
  editServiceParameters,
  showEntries,
  showFields,
  showServiceParameters,
} from './postconf-master.ts'
import { postconfWords, type PostconfWords } from './postconf-words.ts'

export const postconf: Command = (argv, io) => {
  const words = postconfWords(argv)
  if (typeof words === 'string') return Promise.resolve(fatal(words, io))
  try {
    return Promise.resolve(run(words, io))
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return Promise.resolve(fatal(error.message, io))
  }
}

function fatal(text: string, io: CliIo): number {
  io.err(`postconf: fatal: ${text}\n`)
  return 1
}

function run(words: PostconfWords, io: CliIo): number {
  const { flags } = words
  const isEdit = flags.has('e') || flags.has('X') || flags.has('#')
  if (flags.has('m')) io.out(TABLE_TYPES.map((type) => `${type}\n`).join(''))
  // Passwords are checked here, by what Cyrus's library would do; Dovecot's socket is not asked yet.
  else if (flags.has('a') || flags.has('A')) io.out('cyrus\n')
  else if (flags.has('M')) return isEdit ? editEntries(words, io) : showEntries(words, io)
  else if (flags.has('F')) return isEdit ? editFields(words, io) : showFields(words, io)
  else if (flags.has('P')) return isEdit ? editServiceParameters(words, io) : showServiceParameters(words, io)
  else if (isEdit || words.names.some((name) => name.includes('='))) return editParameters(words, io)
  else return showParameters(words, io)
  return EX.ok
}
