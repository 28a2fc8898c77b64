/** postalias(1) and newaliases(1). */
import { splitList } from '../../io/config/mod.ts'
import { buildTable, splitTableName, TableError } from '../../io/tables/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { runMap } from './postmap.ts'

export const postalias: Command = (argv, io) => runMap('postalias', argv, io)

/** Indexes every table of alias_database. `sendmail -bi` and `-I` come here too. */
export const newaliases: Command = (argv, io) => {
  const at = argv.findIndex((word) => word === '-c' || word === '-C')
  const config = readConfig({ directory: configDirectory(at < 0 ? undefined : argv[at + 1], io) })
  const initial = config.value('default_database_type') ?? 'hash'
  try {
    for (const word of splitList(config.value('alias_database') ?? '')) {
      const name = word.includes(':') ? word : `${initial}:${word}`
      const { type, rest } = splitTableName(name) ?? { type: '', rest: name }
      const built = buildTable(type, rest, { aliases: true })
      for (const warning of built.warnings) io.err(`newaliases: warning: ${warning}\n`)
    }
    return Promise.resolve(EX.ok)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    io.err(`newaliases: fatal: ${error.text}\n`)
    return Promise.resolve(1)
  }
}
