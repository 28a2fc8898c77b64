/** What an import tells while it runs, and at its end. */
import { printable } from '#src/base/mod.ts'
import type { FolderReport } from '../folders/import-folder.ts'
import type { CliIo } from './io.ts'

const WIDTH = 24
/** Drawn no more often. */
const EVERY_MS = 100

/** A line that is drawn over and over on a terminal; nothing elsewhere. */
export class Progress {
  readonly #io: CliIo
  #drawnMs = 0
  #drawn = false

  constructor(io: CliIo) {
    this.#io = io
  }

  show(what: string, done: number, expected: number): void {
    if (!this.#io.tty || Date.now() - this.#drawnMs < EVERY_MS) return
    this.#drawnMs = Date.now()
    this.#drawn = true
    const filled = Math.round((WIDTH * Math.min(done, expected)) / Math.max(1, expected))
    const bar = '#'.repeat(filled).padEnd(WIDTH, '.')
    this.#io.err(`\r\u001b[K[${bar}] ${done}/${expected} ${printable(what)}`)
  }

  clear(): void {
    if (this.#drawn) this.#io.err('\r\u001b[K')
    this.#drawn = false
  }
}

type Told = FolderReport & { readonly account: string; readonly source: string }

export function describeReports(reports: readonly Told[], isDry: boolean): string {
  const sum = (what: 'messages' | 'octets' | 'taken'): number => reports.reduce((n, one) => n + one[what], 0)
  const heads = new Set<string>()
  const lines = reports.flatMap((report) => {
    const first = heads.has(report.account) ? [] : [`${report.account}\n`]
    heads.add(report.account)
    return [...first, ...describe(report, isDry)]
  })
  const counts = `${sum('messages')} messages, ${sum('octets')} octets in ${reports.length} folders`
  return `${lines.join('')}${counts}${isDry ? ', nothing changed' : `, ${sum('taken')} messages taken in`}\n`
}

function describe(report: Told, isDry: boolean): string[] {
  const { mailbox, source, messages, octets, hash, flags, uidValidity } = report
  const counts = Object.entries(flags).map(([flag, n]) => `${flag} ${n}`)
  const lines = [
    `  ${printable(mailbox)}  ${printable(source)}\n`,
    `    ${messages} messages, ${octets} octets${counts.length === 0 ? '' : `; ${printable(counts.join(', '))}`}\n`,
    `    content ${hash}\n`,
  ]
  if (!isDry) lines.push(`    ${cameOf(report)}${uidValidity === undefined ? '' : `; UIDVALIDITY ${uidValidity}`}\n`)
  if (report.refused !== undefined) lines.push(`    NOT WHOLE: ${report.refused}\n`)
  else if (!isDry) lines.push(`    ${compared(report)}\n`)
  return lines
}

function cameOf({ taken, already, newUids }: Told): string {
  const before = already === 0 ? '' : `, ${already} were there from an earlier run`
  const uids = newUids === 0 ? '' : `, ${newUids} with a new UID: the mailbox had given theirs already`
  return `${taken} taken in${before}${uids}`
}

/** What the store has of the folder, read back. */
function compared({ stored, hash, messages }: Told): string {
  if (stored === undefined) return 'not compared'
  if (stored.hash === hash) return `the store has the same ${messages} messages, compared octet by octet`
  return `the store has ${stored.messages} messages of it: some were removed here, or there, since an earlier run`
}
