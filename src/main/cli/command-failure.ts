/** What a command that works on a server's data says and exits with where it fails. */
import { ConfigError } from '../../io/config/mod.ts'
import { ImportRefusal } from '../folders/import-folder.ts'
import { UsageError } from './accounts-port.ts'
import { NoData } from './data-access.ts'
import { type CliIo, EX } from './io.ts'

/** Answers the exit code; throws on what is nobody's mistake. @param name without `postigo` */
export function commandFailure(name: string, usage: string, error: unknown, io: CliIo): number {
  if (error instanceof UsageError) {
    io.err(`postigo ${name}: ${error.message}\n${usage}`)
    return EX.usage
  }
  if (!(error instanceof NoData || error instanceof ConfigError || error instanceof ImportRefusal)) throw error
  io.err(`postigo ${name}: ${error.message}\n`)
  return error instanceof ConfigError ? EX.config : EX.unavailable
}
