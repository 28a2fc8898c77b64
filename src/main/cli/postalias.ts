/** postalias(1) and newaliases(1). */
import { buildTable, TableError } from '../../io/tables/mod.ts'
import { splitList } from '../../io/config/mod.ts'
import { readConfig } from '../server/rooms.ts'
import { type Command, configDirectory, EX } from './io.ts'
import { mapWords, runMap } from './postmap.ts'

export const postalias: Command = (argv, io) => runMap('postalias', argv, io)

/** Indexes every table of alias_database. */
export const newaliases: Command = async (argv, io) => {
  const words = mapWords(argv)
  const config = readConfig({ directory: configDirectory(words?.config, io) })
  try {
    for (const name of splitList(config.value('alias_database') ?? '')) {
      const colon = name.indexOf(':')
      const built = buildTable(name.slice(0, colon), name.slice(colon + 1), { aliases: true })
      for (const warning of built.warnings) io.err(`newaliases: warning: ${warning}\n`)
    }
    return EX.ok
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    io.err(`newaliases: fatal: ${error.text}\n`)
    return 1
  }
}
