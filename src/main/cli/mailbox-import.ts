/** `postigo mailbox import`: mboxes and Maildirs become mailboxes, with dates, flags, UIDs and subscriptions; never twice. */
import { realpathSync } from 'node:fs'
import { resolve } from 'node:path'
import { printable } from '#src/base/mod.ts'
import type { Config } from '../../io/config/mod.ts'
import { holdMbox, localParams } from '../../mail/delivery/mod.ts'
import type { Quoting } from '../../formats/folders/mod.ts'
import type { OpenFolder, UidlFormat } from '../folders/contract.ts'
import { asked, type FolderReport, importFolder, type ImportPort, ImportRefusal } from '../folders/import-folder.ts'
import { openMaildir } from '../folders/read-maildir.ts'
import { openMbox } from '../folders/read-mbox.ts'
import { ownerOf, type Rights, withRights } from '../folders/rights.ts'
import { findFolders, type Folder } from '../folders/sources.ts'
import { uidlFormat } from '../folders/uidl.ts'
import { type DataAccess, openData } from './data-access.ts'
import { type ImportPlan, plansOfAll } from './mailbox-import-plan.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { readConfig } from '../server/rooms.ts'
import { describeReports, Progress } from './mailbox-import-report.ts'
import { commandFailure } from './command-failure.ts'

const USAGE = `usage: postigo mailbox import --account ACCOUNT [options] PATH…
       postigo mailbox import --all [options]

  PATH            an mbox, a directory of mboxes (~/mail), a Maildir or Maildir++
  --account NAME  whose mail it becomes: user, or user@domain
  --all           everybody's, where main.cf says that it lies: home_mailbox, mail_spool_directory,
                  virtual_mailbox_base
  --folders DIR   with --all: also the folders in DIR of each home, as UW-IMAP's users have them (mail)
  --into PREFIX   put all mailboxes below this name
  --quoting HOW   how mbox lines that begin with From were kept apart: mboxo (Postfix, procmail, UW-IMAP;
                  the default), mboxrd, none
  --uidl FORMAT   what POP3 called messages: dovecot (the default for Maildir), uw (for mbox), none, or a
                  format of %u, %v and %f as in Dovecot's pop3_uidl_format
  --dry-run       only counts
  --json          the report for programs
  -c DIR          configuration directory

Mailboxes that are missing or empty keep UIDVALIDITY and UIDs; others get more messages. It can be stopped and run
again, with the server running or not: nothing comes twice.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  account: { type: 'string' },
  all: { type: 'boolean' },
  folders: { type: 'string' },
  into: { type: 'string' },
  quoting: { type: 'string' },
  uidl: { type: 'string' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Job {
  readonly io: CliIo
  readonly config: Config
  readonly port: ImportPort | undefined
  readonly into: string
  readonly quoting: Quoting
  /** By what kind of folder it is, where nothing was said. */
  readonly uidl: (kind: Folder['kind']) => UidlFormat
  readonly progress: Progress
  problems: number
}

export const mailboxImport: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const { account, all = false } = values
    if (all === (account !== undefined)) throw new UsageError('either --account or --all')
    if (all ? words.length > 0 : words.length === 0) throw new UsageError(all ? '--all takes no PATH' : 'which PATH?')
    if (!all && values.folders !== undefined) throw new UsageError('--folders belongs to --all')
    const directory = resolve(io.cwd, configDirectory(values.config, io))
    const settings = { into: values.into ?? '', quoting: takeQuoting(values.quoting), uidl: takeUidl(values.uidl) }
    const isDry = values['dry-run'] === true
    // A dry run needs the data only to know whose files the tables of main.cf name.
    const data = isDry && !all ? undefined : await openData(directory)
    try {
      const config = data?.config ?? readConfig({ directory })
      const port = isDry || data === undefined ? undefined : portOf(data)
      const job: Job = { io, config, port, ...settings, progress: new Progress(io), problems: 0 }
      const plans =
        all && data !== undefined
          ? await plansOfAll(config, data, values.folders, (text) => problem(job, text))
          : pathsOf(account, words, io)
      return await importAll(job, plans, values.json === true)
    } finally {
      await data?.close()
    }
  } catch (error) {
    return commandFailure('mailbox import', USAGE, error, io)
  }
}

function takeQuoting(word = 'mboxo'): Quoting {
  if (word !== 'mboxo' && word !== 'mboxrd' && word !== 'none') throw new UsageError(`unknown --quoting ${word}`)
  return word
}

function takeUidl(word: string | undefined): Job['uidl'] {
  const named = word === undefined ? undefined : uidlFormat(word)
  if (word !== undefined && named === undefined) throw new UsageError(`--uidl ${word} is no format`)
  return (kind) => named ?? uidlFormat(kind === 'mbox' ? 'uw' : 'dovecot') ?? (() => undefined)
}

function portOf(data: DataAccess): ImportPort {
  return { dir: data.paths.dir, owner: data.owner, ask: (request) => data.ask(request) }
}

function pathsOf(account: string | undefined, paths: readonly string[], io: CliIo): ImportPlan[] {
  return paths.map((path) => ({ account: { account: account ?? '' }, path: resolve(io.cwd, path), rights: undefined }))
}

async function importAll(job: Job, plans: readonly ImportPlan[], json: boolean): Promise<number> {
  const reports: (FolderReport & { account: string; source: string })[] = []
  for (const plan of plans) {
    const account = Object.values(plan.account)[0] ?? ''
    try {
      for await (const report of importPlan(job, plan)) reports.push({ account, ...report })
    } catch (error) {
      problem(job, `${plan.path}: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  job.progress.clear()
  const isDry = job.port === undefined
  job.io.out(
    json ? `${JSON.stringify({ reports, problems: job.problems }, undefined, 2)}\n` : describeReports(reports, isDry),
  )
  const isWhole = job.problems === 0 && reports.every(({ refused }) => refused === undefined)
  return isWhole ? EX.ok : EX.dataErr
}

function problem(job: Job, text: string): void {
  job.problems++
  job.progress.clear()
  job.io.err(`postigo mailbox import: ${printable(text)}\n`)
}

async function* importPlan(job: Job, plan: ImportPlan): AsyncGenerator<FolderReport & { source: string }> {
  const rights = plan.rights ?? ownerOf(plan.path)
  const told = (text: string): void => problem(job, text)
  const { folders, subscribed } = withRights(rights, () => findFolders(realpathSync(plan.path), told))
  const named = (mailbox: string): string => (job.into === '' ? mailbox : `${job.into}/${mailbox}`)
  const done: string[] = []
  for (const folder of folders) {
    try {
      const report = await importOne(job, plan, { ...folder, mailbox: named(folder.mailbox) }, rights)
      done.push(report.mailbox)
      yield { source: folder.path, ...report }
    } catch (error) {
      told(`${folder.path}: ${error instanceof Error ? error.message : String(error)}`)
      if (error instanceof ImportRefusal && /account/.test(error.message)) return
    }
  }
  if (job.port === undefined) return
  // Who never had a list saw all mailboxes.
  const names = subscribed === undefined ? done : subscribed.map(named)
  const answer = await asked(job.port, { command: 'import-subscribe', ...plan.account, names })
  for (const name of answer['unknown'] as readonly string[])
    told(`${plan.path}: subscribed to ${name}, which is not there`)
}

async function importOne(job: Job, plan: ImportPlan, folder: Folder, rights: Rights): Promise<FolderReport> {
  const release = folder.kind === 'mbox' ? await lock(job, folder.path, rights) : async (): Promise<void> => {}
  let open: OpenFolder | undefined
  try {
    const step = <T>(work: () => T): T => withRights(rights, work)
    const options = {
      problem: (text: string) => problem(job, text),
      uidl: job.uidl(folder.kind),
      quoting: job.quoting,
    }
    open = step(() => (folder.kind === 'mbox' ? openMbox : openMaildir)(folder.path, options))
    const progress = (done: number, expected: number): void => job.progress.show(folder.mailbox, done, expected)
    const { path: source, mailbox } = folder
    return await importFolder({ account: plan.account, source, mailbox, folder: open, step, progress }, job.port)
  } finally {
    await open?.close()
    await release()
  }
}

/** Waits as a delivery would: deliver_lock_attempts, deliver_lock_delay. */
async function lock(job: Job, path: string, rights: Rights): Promise<() => Promise<void>> {
  const cf = job.config.bind(localParams)
  const held = await holdMbox(path, rights, { ...cf, locks: cf.mailbox_delivery_lock })
  if (!held.ok)
    throw new Error(`it is locked or cannot be: ${held.text}; nothing of it was taken in, run this again later`)
  if (held.warning !== '') job.io.err(`postigo mailbox import: warning: ${printable(path)}: ${held.warning}\n`)
  return () => held.release()
}
