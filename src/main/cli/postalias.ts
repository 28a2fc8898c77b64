/** postalias(1) and newaliases(1). */
import { splitList } from '../../io/config/mod.ts'
import { buildTable, splitTableName, TableError } from '../../io/tables/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { runMap } from './postmap.ts'
import { SendmailUsage, type SendmailWords, sendmailWords } from './sendmail-words.ts'

export const postalias: Command = (argv, io) => runMap('postalias', argv, io)

/** Indexes every table of alias_database, or the one that `-oA` names. */
export const newaliases: Command = (argv, io) => {
  try {
    // -c DIR, as everywhere else here; sendmail(1) has -C.
    const words = argv.map((word) => (word === '-c' ? '-C' : word))
    return Promise.resolve(indexAliases(sendmailWords(words, 'newaliases'), io))
  } catch (error) {
    if (!(error instanceof SendmailUsage)) throw error
    io.err(`newaliases: fatal: ${error.message.replace(/\n.*/s, '')}\n`)
    return Promise.resolve(EX.tempFail)
  }
}

/** `sendmail -bi` and `-I` come here too. */
export function indexAliases(
  { config: directory, aliasDatabase }: Pick<SendmailWords, 'config' | 'aliasDatabase'>,
  io: CliIo,
): number {
  const config = readConfig({ directory: configDirectory(directory, io) })
  const initial = config.value('default_database_type') ?? 'hash'
  try {
    for (const word of splitList(aliasDatabase ?? config.value('alias_database') ?? '')) {
      const name = word.includes(':') ? word : `${initial}:${word}`
      const { type, rest } = splitTableName(name) ?? { type: '', rest: name }
      const built = buildTable(type, rest, { aliases: true })
      for (const warning of built.warnings) io.err(`newaliases: warning: ${warning}\n`)
    }
    return EX.ok
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    io.err(`newaliases: fatal: ${error.text}\n`)
    return 1
  }
}
