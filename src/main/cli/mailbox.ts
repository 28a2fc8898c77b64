/** `postigo mailbox`: mail that lies elsewhere comes in, and goes out again. */
import { type Command, EX } from './io.ts'

const SUBCOMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  import: async () => (await import('./mailbox-import.ts')).mailboxImport,
}

export const mailbox: Command = async (argv, io) => {
  const [name = '', ...rest] = argv
  const load = SUBCOMMANDS[name]
  if (load === undefined) {
    io.err(`postigo mailbox: which of ${Object.keys(SUBCOMMANDS).join(', ')}? Each has --help\n`)
    return EX.usage
  }
  return (await load())(rest, io)
}
