/**
 * Mail of a backup goes into a running server's mailboxes, as an import from elsewhere does: a ledger in the transaction of each message keeps it
 * from coming twice. Beside what is there, into `Restored/…`; or in place, and then only what no mailbox of the account has any more.
 */
import { asked, type FolderReport, importFolder, type ImportPort } from '../folders/import-folder.ts'
import type { ExportedMailbox } from '../server/export-control.ts'
import type { BackedMail, Wanted } from './backed-mail.ts'

export interface RestoreMailJob {
  readonly mail: BackedMail
  readonly account: string
  readonly generation: string
  readonly wanted: Wanted
  /** Mailboxes go below this name; undefined: in place. */
  readonly into: string | undefined
  readonly progress: (what: string, done: number, expected: number) => void
}

export async function* restoreMail(job: RestoreMailJob, port: ImportPort): AsyncGenerator<FolderReport> {
  const { mail, account, generation, wanted, into } = job
  const live = into === undefined ? await liveUidls(account, port) : undefined
  for (const mailbox of mail.mailboxes(wanted)) {
    const folder = mail.folder(mailbox, wanted, live && ((uidl) => !live.has(uidl)))
    if (live !== undefined && folder.batches().next().done === true) continue // nothing of it is missing
    const to = into === undefined ? mailbox.name : `${into}/${mailbox.name}`
    yield await importFolder(
      {
        account: { account },
        source: `backup ${generation}: ${mailbox.name} to ${to}`,
        mailbox: to,
        folder,
        step: (work) => work(),
        progress: (done, expected) => job.progress(mailbox.name, done, expected),
      },
      port,
    )
  }
}

/** What the account has, wherever it lies by now: a message that was moved is not missing. */
async function liveUidls(account: string, port: ImportPort): Promise<ReadonlySet<string>> {
  const live = new Set<string>()
  const answer = await asked(port, { command: 'export-mailboxes', account })
  for (const { name: mailbox } of answer['mailboxes'] as readonly ExportedMailbox[])
    for (let after: number | undefined = 0; after !== undefined;) {
      const page = await asked(port, { command: 'export-uidls', account, mailbox, after })
      for (const uidl of page['uidls'] as readonly string[]) live.add(uidl) // export-control.ts says so
      after = typeof page['last'] === 'number' ? page['last'] : undefined
    }
  return live
}
