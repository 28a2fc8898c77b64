/** One folder into one mailbox: what is not there yet, batch by batch, and what came of it. */
import { hash, randomBytes } from 'node:crypto'
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { ImportedContent, ImportTarget } from '../../mail/store/mod.ts'
import type { ControlAnswer, ControlRequest } from '../server/control.ts'
import type { BatchMessage } from '../server/import-control.ts'
import type { FolderMessage, OpenFolder } from './contract.ts'
import { type Rights, withRights } from './rights.ts'

/** Who has the data, as far as an import is concerned. */
export interface ImportPort {
  ask(request: ControlRequest): Promise<ControlAnswer>
  /** Where batches are left, and whose they are. */
  readonly dir: string
  readonly owner: Rights
}

export interface FolderReport {
  mailbox: string
  /** Of the folder: all of its messages, octets in wire form, hash as ImportedContent has it. */
  messages: number
  octets: number
  hash: string
  flags: Record<string, number>
  /** Taken in by this run, and by earlier ones. */
  taken: number
  already: number
  /** Of `taken`: those that could not keep their UID. */
  newUids: number
  uidValidity: number | undefined
  /** What the store has of it; undefined for a dry run, or where it was not asked. */
  stored: ImportedContent | undefined
  /** Why it is not whole. */
  refused: string | undefined
}

export interface ImportJob {
  readonly account: { readonly account: string } | { readonly systemUser: string }
  readonly source: string
  readonly mailbox: string
  readonly folder: OpenFolder
  /** Runs a step with the rights of the folder's owner. */
  readonly step: <T>(work: () => T) => T
  readonly progress: (done: number, expected: number) => void
}

/** The server's answer is no. */
export class ImportRefusal extends Error {}

/** @param port undefined: only looks */
export async function importFolder(job: ImportJob, port: ImportPort | undefined): Promise<FolderReport> {
  const counting = new Counting(job.mailbox)
  const filling = port && (await Filling.open(job, port))
  const batches = job.folder.batches()
  for (;;) {
    const next = job.step(() => batches.next())
    if (next.done === true) break
    counting.add(next.value)
    job.progress(counting.report.messages, job.folder.expected)
    if (counting.report.refused === undefined) await filling?.take(next.value, counting.report)
  }
  counting.end()
  await filling?.finish(counting.report, job.folder.uidNext)
  return counting.report
}

/** Looks at each message once. */
class Counting {
  readonly report: FolderReport
  readonly #hashes: string[] = []

  constructor(mailbox: string) {
    const none = { uidValidity: undefined, stored: undefined, refused: undefined }
    this.report = { mailbox, messages: 0, octets: 0, hash: '', flags: {}, taken: 0, already: 0, newUids: 0, ...none }
  }

  add(messages: readonly FolderMessage[]): void {
    for (const { content, flags } of messages) {
      this.report.messages++
      this.report.octets += content.length
      for (const flag of flags) this.report.flags[flag] = (this.report.flags[flag] ?? 0) + 1
      this.#hashes.push(hash('sha256', unixLines(content), 'hex'))
    }
  }

  end(): void {
    const lines = this.#hashes.toSorted().map((one) => `${one}\n`)
    this.report.hash = hash('sha256', lines.join(''), 'hex')
  }
}

/** As a Maildir has it: `sha256sum` of the files gives the same. */
function unixLines(content: Buffer): Buffer {
  return Buffer.from(content.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
}

class Filling {
  readonly #port: ImportPort
  readonly #target: ImportTarget
  readonly #account: number
  readonly #known: ReadonlySet<string>

  private constructor(port: ImportPort, target: ImportTarget, account: number, known: ReadonlySet<string>) {
    this.#port = port
    this.#target = target
    this.#account = account
    this.#known = known
  }

  static async open({ account, source, mailbox, folder }: ImportJob, port: ImportPort): Promise<Filling> {
    const { uidValidity } = folder
    const answer = await asked(port, { command: 'import-open', ...account, source, mailbox, uidValidity })
    const target = answer['target'] as ImportTarget // import-control.ts says so
    const known = new Set<string>()
    for (let after = ''; ;) {
      const page = await asked(port, { command: 'import-known', id: target.id, after })
      const names = page['known'] as readonly string[]
      for (const name of names) known.add(name)
      const last = names.at(-1)
      if (last === undefined) break
      after = last
    }
    return new Filling(port, target, Number(answer['account']), known)
  }

  async take(all: readonly FolderMessage[], report: FolderReport): Promise<void> {
    const messages = all.filter(({ known }) => !this.#known.has(known))
    report.already += all.length - messages.length
    if (messages.length === 0) return
    const { takes, uidValidity, id } = this.#target
    report.uidValidity = uidValidity
    const file = this.#leave(messages, id)
    const answer = await this.#port.ask({ command: 'import-batch', account: this.#account, takes, file })
    if (!answer.ok) {
      report.refused = answer.error
      return
    }
    const uids = answer['uids'] as readonly number[]
    report.taken += messages.length
    report.newUids += messages.filter(({ uid }, i) => uid !== undefined && uid !== uids[i]).length
  }

  /** A file that only the server's owner and root can read. */
  #leave(messages: readonly FolderMessage[], source: number): string {
    const name = `import-${randomBytes(16).toString('hex')}`
    const path = join(this.#port.dir, name)
    const head = messages.map(({ content, flags, internalDateMs, known, uid, uidl }): BatchMessage => {
      return { length: content.length, flags, internalDateMs, imported: { source, known, uid, uidl } }
    })
    const octets = Buffer.concat([
      Buffer.from(`${JSON.stringify({ messages: head })}\n`),
      ...messages.map(({ content }) => content),
    ])
    // The directory is theirs, who could put a link in any place of it.
    withRights(this.#port.owner, () => {
      const fd = openSync(path, 'wx', 0o600)
      try {
        for (let at = 0; at < octets.length;) at += writeSync(fd, octets, at)
      } finally {
        closeSync(fd)
      }
    })
    return name
  }

  /** A folder that is not whole waits for the next run under its hidden name. */
  async finish(report: FolderReport, uidNext: number | undefined): Promise<void> {
    const { id, mailbox, uidValidity } = this.#target
    report.uidValidity = uidValidity
    if (report.refused === undefined) {
      await asked(this.#port, { command: 'import-finish', id, uidNext })
      report.mailbox = mailbox
    }
    const answer = await asked(this.#port, { command: 'import-content', id })
    report.stored = answer['content'] as ImportedContent
  }
}

export async function asked(
  port: Pick<ImportPort, 'ask'>,
  request: ControlRequest,
): Promise<Extract<ControlAnswer, { ok: true }>> {
  const answer = await port.ask(request)
  if (!answer.ok) throw new ImportRefusal(answer.error)
  return answer
}
