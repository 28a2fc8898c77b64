/** postconf(1): parameters and master.cf's entries, as set, by default or by name; -e changes them. */
import { ConfigError } from '../../io/config/mod.ts'
import { TABLE_TYPES } from '../../io/tables/mod.ts'
import { type CliIo, type Command, EX } from './io.ts'
import { editParameters } from './postconf-edit.ts'
import { showTemplates } from './postconf-templates.ts'
import { showParameters } from './postconf-main.ts'
import { showEntries, showFields, showServiceParameters } from './postconf-master.ts'
import { editEntries, editFields, editServiceParameters } from './postconf-master-edit.ts'
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
  if (flags.has('b') || flags.has('t')) return showTemplates(words, io)
  if (flags.has('m')) return showLines(TABLE_TYPES, io)
  if (flags.has('a')) return showLines(['cyrus', 'dovecot'], io)
  if (flags.has('A')) return showLines(['cyrus'], io)
  if (flags.has('l')) return showLines(['flock', 'fcntl', 'dotlock'], io)
  if (words.tls !== undefined) return showTls(words.tls, io)
  if (flags.has('M')) return isEdit ? editEntries(words, io) : showEntries(words, io)
  if (flags.has('F')) return isEdit ? editFields(words, io) : showFields(words, io)
  if (flags.has('P')) return isEdit ? editServiceParameters(words, io) : showServiceParameters(words, io)
  return isEdit ? editParameters(words, io) : showParameters(words, io)
}

function showLines(lines: readonly string[], io: CliIo): number {
  io.out(lines.map((line) => `${line}\n`).join(''))
  return EX.ok
}

/** -T: the TLS library is Node's, compiled in. */
function showTls(mode: string, io: CliIo): number {
  if (mode === 'compile-version' || mode === 'run-version')
    return showLines([`OpenSSL ${process.versions.openssl}`], io)
  if (mode === 'public-key-algorithms') return showLines(['dsa', 'ecdsa', 'rsa'], io)
  io.err(`postconf: warning: unknown 'postconf -T' mode: ${mode}\n`)
  return 1
}
