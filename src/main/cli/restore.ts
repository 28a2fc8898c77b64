/** `postigo restore`: everything, or some mail, as a backup has it. */
import { parseWords, UsageError } from './accounts-port.ts'
import { resolve } from 'node:path'
import { serverLockHolder } from '../../io/db/mod.ts'
import { BackedMail, type Wanted } from '../backup/backed-mail.ts'
import { BackupError, chooseGeneration } from '../backup/manifest.ts'
import { restoreAll } from '../backup/restore-all.ts'
import { restoreMail, type RestoreMailJob } from '../backup/restore-mail.ts'
import type { ImportPort } from '../folders/import-folder.ts'
import { dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { commandFailure } from './command-failure.ts'
import { openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'

const USAGE = `usage: postigo restore --all [--release-queue] [options] DIR
       postigo restore --account ACCOUNT [--mailbox NAME] [--uid N | --message-id ID] [options] DIR

  DIR               where \`postigo backup\` keeps backups
  --all             everything, into a data directory that is empty; no server may run
  --release-queue   with --all: what waits in the queue is sent; without it all of it is put on hold, for most of it
                    has been delivered since the backup
  --account NAME    mail of this account, into a server that may run: all, or that of one mailbox, or one message
  --mailbox NAME    as it was called then
  --uid N           the message that had this UID then
  --message-id ID   the messages with this Message-ID
  --into NAME       the mailboxes come below this name (Restored)
  --in-place        they come into the mailboxes of their names, and only those messages that are in no mailbox of
                    the account any more
  --stdout          prints the one message instead
  --generation TIME of which time, as \`postigo backup --list\` names it (the last one)
  -c CONFIG         configuration directory; of the one in the backup nothing is put back: it lies in DIR/generations
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  all: { type: 'boolean' },
  account: { type: 'string' },
  mailbox: { type: 'string' },
  uid: { type: 'string' },
  'message-id': { type: 'string' },
  into: { type: 'string' },
  'in-place': { type: 'boolean' },
  stdout: { type: 'boolean' },
  'release-queue': { type: 'boolean' },
  generation: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export const restore: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [word, ...more] = words
    if (word === undefined || more.length > 0) throw new UsageError('one DIR')
    const dir = resolve(io.cwd, word)
    const directory = resolve(io.cwd, configDirectory(values.config, io))
    const generation = chooseGeneration(dir, values.generation)
    const { all = false, account } = values
    if (all === (account !== undefined)) throw new UsageError('either --all or --account')
    if (account !== undefined) return await someMail({ ...values, account, dir, directory, generation }, io)
    const misplaced = SOME.find((name) => values[name] !== undefined)
    if (misplaced !== undefined) throw new UsageError(`--${misplaced} belongs to --account`)
    return await everything({ dir, directory, generation, releaseQueue: values['release-queue'] === true }, io)
  } catch (error) {
    const isOfSystem = error instanceof Error && 'syscall' in error // the file system said no: no room, no right
    if (!(error instanceof BackupError || isOfSystem)) return commandFailure('restore', USAGE, error, io)
    io.err(`postigo restore: ${error.message}\n`)
    return EX.cantCreat
  }
}

/** Options of --account. */
const SOME = ['mailbox', 'uid', 'message-id', 'into', 'in-place', 'stdout'] as const

interface Some {
  readonly dir: string
  readonly directory: string
  readonly generation: string
  readonly account: string
  readonly mailbox?: string
  readonly uid?: string
  readonly 'message-id'?: string
  readonly into?: string
  readonly 'in-place'?: boolean
  readonly stdout?: boolean
  readonly 'release-queue'?: boolean
}

async function someMail(words: Some, io: CliIo): Promise<number> {
  const { dir, directory, generation, account, 'in-place': inPlace = false, stdout = false } = words
  if (words['release-queue'] === true) throw new UsageError('--release-queue belongs to --all')
  if (inPlace && words.into !== undefined) throw new UsageError('either --into or --in-place')
  const uid = words.uid === undefined ? undefined : Number(words.uid)
  if (uid !== undefined && (!Number.isInteger(uid) || uid < 1 || words.mailbox === undefined))
    throw new UsageError('--uid takes a number, and --mailbox with it')
  const messageId = words['message-id']?.replace(/^<(.*)>$/, '$1')
  const wanted: Wanted = { mailbox: words.mailbox, uid, messageId }
  const mail = new BackedMail(dir, generation, account)
  try {
    if (stdout) return print(mail, wanted, io)
    return await bringBack(
      mail,
      { ...words, directory, wanted, into: inPlace ? undefined : (words.into ?? 'Restored') },
      io,
    )
  } finally {
    mail.close()
  }
}

function print(mail: BackedMail, wanted: Wanted, io: CliIo): number {
  const [mailbox] = mail.mailboxes(wanted)
  const [item, another] = mailbox === undefined ? [] : [...mail.items(mailbox, wanted).take(2)]
  if (item === undefined || another !== undefined) throw new UsageError('--stdout is for one message: name it by --uid')
  io.out(mail.content(item))
  return EX.ok
}

async function bringBack(
  mail: BackedMail,
  job: Pick<Some, 'account' | 'generation' | 'directory'> & Pick<RestoreMailJob, 'wanted' | 'into'>,
  io: CliIo,
): Promise<number> {
  const data = await openData(job.directory)
  const progress = new Progress(io)
  let code: number = EX.ok
  let restored = 0
  try {
    const port: ImportPort = { dir: data.paths.dir, owner: data.owner, ask: (request) => data.ask(request) }
    const shown = (what: string, done: number, expected: number): void => progress.show(what, done, expected)
    for await (const { mailbox, taken, already, refused } of restoreMail({ ...job, mail, progress: shown }, port)) {
      progress.clear()
      restored += taken
      io.out(`${mailbox}  ${taken} messages are back${already === 0 ? '' : `, ${already} were before`}\n`)
      if (refused === undefined) continue
      io.err(`postigo restore: ${mailbox}: ${refused}\n`)
      code = EX.dataErr
    }
    if (restored === 0 && code === EX.ok) io.out('nothing is missing\n')
    return code
  } finally {
    progress.clear()
    await data.close()
  }
}

interface Everything {
  readonly dir: string
  readonly directory: string
  readonly generation: string
  readonly releaseQueue: boolean
}

async function everything({ dir, directory, generation, releaseQueue }: Everything, io: CliIo): Promise<number> {
  const paths = dataPaths(readConfig({ directory }))
  const holder = serverLockHolder(paths.dir)
  if (holder !== undefined) throw new BackupError(`a server runs on ${paths.dir}, process ${holder}: stop it first`)
  const progress = new Progress(io)
  const shown = (what: string, done: number, expected: number): void => progress.show(what, done, expected)
  const job = { dir, generation, paths, releaseQueue, nowMs: Date.now(), progress: shown }
  const { manifest, held, hasKey } = await restoreAll(job)
  progress.clear()
  io.out(`${paths.dir} is as it was at ${new Date(manifest.madeMs).toISOString()}\n`)
  for (const problem of manifest.problems) io.out(`it was damaged already: ${problem}\n`)
  if (!hasKey) io.out(`credential.key is not in the backup: put yours at ${paths.key}, or nobody can log in\n`)
  if (held > 0)
    io.out(
      `${held} messages wait in the queue as of then and are on hold, for they may have been delivered since: see mailq; ` +
        '`postsuper -H ALL` lets them go, `postsuper -d ALL hold` deletes them\n',
    )
  return EX.ok
}
