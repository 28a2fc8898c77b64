/** `postigo mailbox`: mail that lies elsewhere comes in; mailboxes are made, and shared. */
import { type Command, EX } from './io.ts'

/** Of mailbox-share.ts. */
const sharing = async (name: string): Promise<Command> => {
  const { openAccountsOf } = await import('./open-accounts.ts')
  const command = (await import('./mailbox-share.ts')).mailboxShare(openAccountsOf)
  return (argv, io) => command([name, ...argv], io)
}

const SUBCOMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  export: async () => (await import('./mailbox-export.ts')).mailboxExport,
  import: async () => (await import('./mailbox-import.ts')).mailboxImport,
  undelete: async () => (await import('./mailbox-undelete.ts')).mailboxUndelete,
  list: () => sharing('list'),
  create: () => sharing('create'),
  delete: () => sharing('delete'),
  rename: () => sharing('rename'),
  acl: () => sharing('acl'),
  seen: () => sharing('seen'),
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
