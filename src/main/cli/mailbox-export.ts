/** `postigo mailbox export`: mailboxes as Maildir or mbox, with dates, flags and UIDs, for another server or a copy. */
import { mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { asked } from '../folders/import-folder.ts'
import { ownerOf, type Rights, withRights } from '../folders/rights.ts'
import { takeBatch } from '../folders/take-batch.ts'
import { MaildirWriter, writeSubscriptions } from '../folders/write-maildir.ts'
import { MboxWriter } from '../folders/write-mbox.ts'
import type { ExportedMailbox } from '../server/export-control.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { type DataAccess, openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'
import { commandFailure } from './command-failure.ts'

const USAGE = `usage: postigo mailbox export --account ACCOUNT [options] DIR
       postigo mailbox export --all [options] DIR

  --account NAME  whose mail; DIR becomes (or is) the Maildir, or holds the mboxes
  --all           everybody's, each in a directory of the account's name below DIR
  --as FORMAT     maildir (the default; Maildir++ as Dovecot and Courier have it) or mbox
  --mailbox NAME  only this mailbox
  --since DATE    only what arrived then or later: 2026-11-24, or 2026-11-24T18:00:00Z
  -c DIR          configuration directory

A Maildir may be there already: what an earlier run put there is not put there twice. An mbox must not be there.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  account: { type: 'string' },
  all: { type: 'boolean' },
  as: { type: 'string' },
  mailbox: { type: 'string' },
  since: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Job {
  readonly data: DataAccess
  readonly format: 'maildir' | 'mbox'
  readonly only: string | undefined
  readonly sinceMs: number
  readonly progress: Progress
}

interface Counts {
  messages: number
  there: number
  octets: number
}

export const mailboxExport: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [to, ...more] = words
    if (to === undefined || more.length > 0) throw new UsageError('one DIR')
    const { account, all = false, as: format = 'maildir' } = values
    if (all === (account !== undefined)) throw new UsageError('either --account or --all')
    if (format !== 'maildir' && format !== 'mbox') throw new UsageError(`unknown format ${format}`)
    const sinceMs = values.since === undefined ? 0 : Date.parse(values.since)
    if (Number.isNaN(sinceMs)) throw new UsageError(`--since ${values.since} is no date`)
    const data = await openData(resolve(io.cwd, configDirectory(values.config, io)))
    try {
      const job: Job = { data, format, only: values.mailbox, sinceMs, progress: new Progress(io) }
      return await exportAll(job, account, resolve(io.cwd, to), io)
    } finally {
      await data.close()
    }
  } catch (error) {
    return commandFailure('mailbox export', USAGE, error, io)
  }
}

async function exportAll(job: Job, account: string | undefined, to: string, io: CliIo): Promise<number> {
  const all = (await asked(job.data, { command: 'export-accounts' }))['accounts'] as readonly string[]
  let code: number = EX.ok
  for (const one of account === undefined ? all : [account]) {
    const directory = account === undefined ? join(to, one.replaceAll('/', '_')) : to
    try {
      for await (const { mailbox, messages, there, octets } of exportAccount(job, one, directory)) {
        const before = there === 0 ? '' : `, ${there} were there`
        io.out(`${one}  ${mailbox}  ${messages} messages, ${octets} octets${before}\n`)
      }
    } catch (error) {
      io.err(`postigo mailbox export: ${one}: ${error instanceof Error ? error.message : String(error)}\n`)
      code = EX.dataErr
    }
  }
  job.progress.clear()
  return code
}

async function* exportAccount(job: Job, account: string, to: string): AsyncGenerator<Counts & { mailbox: string }> {
  const answer = await asked(job.data, { command: 'export-mailboxes', account })
  const all = answer['mailboxes'] as readonly ExportedMailbox[]
  const wanted = all.filter(({ name }) => job.only === undefined || name === job.only)
  if (wanted.length === 0) throw new Error(`there is no mailbox ${job.only}`)
  if (statSync(to, { throwIfNoEntry: false }) === undefined)
    withRights(ownerOf(nearest(to)), () => mkdirSync(to, { recursive: true, mode: 0o700 }))
  const rights = ownerOf(to)
  for (const mailbox of wanted)
    yield { mailbox: mailbox.name, ...(await exportMailbox(job, account, mailbox, { to, rights })) }
  if (job.format === 'maildir' && job.only === undefined) withRights(rights, () => writeSubscriptions(to, all))
}

/** The directory that is there already, above one that is to be made: its owner makes what is below. */
function nearest(path: string): string {
  const above = dirname(path)
  return statSync(above, { throwIfNoEntry: false }) === undefined ? nearest(above) : above
}

async function exportMailbox(
  job: Job,
  account: string,
  mailbox: ExportedMailbox,
  { to, rights }: { readonly to: string; readonly rights: Rights },
): Promise<Counts> {
  const counts: Counts = { messages: 0, there: 0, octets: 0 }
  const Writer = job.format === 'maildir' ? MaildirWriter : MboxWriter
  const writer = withRights(rights, () => new Writer(to, mailbox))
  for (let after = 0; ;) {
    const request = { command: 'export-batch', account, mailbox: mailbox.name, after, sinceMs: job.sinceMs }
    const answer = await asked(job.data, request)
    const file = answer['file'] as string | undefined // export-control.ts says so
    if (file === undefined) break
    after = Number(answer['last'])
    const batch = takeBatch(job.data.paths.dir, file, job.data.owner)
    withRights(rights, () => {
      for (const { head, text } of batch) {
        if (!writer.add(head, text)) counts.there++
        counts.messages++
        counts.octets += head.length
      }
    })
    job.progress.show(mailbox.name, after, mailbox.uidNext)
  }
  withRights(rights, () => writer.end())
  return counts
}
