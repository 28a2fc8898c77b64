/** `postigo repair`: a damaged database is put together anew, of what is left of it, the last snapshot and the message log. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { isFull, ServerRunsError } from '../../io/db/mod.ts'
import { isEmpty, NoRoomError, repair as repairData, type RepairReport } from '../repair/repair.ts'
import { actAsOwner, dataPaths, restoreBegun } from '../server/data-dir.ts'
import { holderAfterKeeper } from '../server/keeper.ts'
import { readConfig } from '../server/rooms.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'
import { describe } from './verify.ts'

const USAGE = `usage: postigo repair [--dry-run] [-c DIR]

  --dry-run  says what would be done, and leaves all as it is
  -c DIR     configuration directory

For a stopped server. The damaged database stays as it is, as mail.db.damaged-DATE. Mail whose place is not known any more comes into
the mailbox Recovered of whose it is. Exit code 0: all is whole now. 65: something could not be brought back, and is named.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const repair: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    if (words.length > 0) throw new UsageError(`what is ${words[0]}?`)
    return await run(resolve(io.cwd, configDirectory(values.config, io)), values['dry-run'] === true, io)
  } catch (error) {
    return commandFailure('repair', USAGE, isExpected(error) ? new NoData(messageOf(error)) : error, io)
  }
}

async function run(directory: string, isDry: boolean, io: CliIo): Promise<number> {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  if (isEmpty(paths)) throw new NoData(`${paths.dir} has neither a database nor a message log`)
  if (existsSync(restoreBegun(paths)))
    throw new NoData(`${paths.dir} is a restore that was stopped half way: \`postigo restore --all\` begins it anew`)
  const holder = await holderAfterKeeper(paths.dir)
  if (holder !== undefined) throw new NoData(`process ${holder} serves these data: postigo stop, then again`)
  actAsOwner(paths)
  const progress = new Progress(io)
  const report = await repairData({
    config,
    paths,
    isDry,
    nowMs: Date.now(),
    onNote: (note) => {
      progress.clear()
      io.out(`${describe(note)}\n`)
    },
    onProgress: (...shown) => progress.show(...shown),
  })
  progress.clear()
  io.out(summary(report, isDry))
  const isWhole = report.contentGone === 0 && (report.after?.findings ?? 0) === 0
  return isWhole ? EX.ok : EX.dataErr
}

function summary(report: RepairReport, isDry: boolean): string {
  const { kept, snapshot, rows, snapshotRows, lost, entries, recovered, held, moved, contentGone, accounts } = report
  if (report.isEnded === true) return `a repair that was stopped is ended; the damaged database is ${kept}\n`
  const lines = [
    `${rows} rows read from the damaged database`,
    snapshot === undefined ? 'there is no whole snapshot' : `${snapshotRows} rows from ${snapshot}`,
    ...(entries > 0 ? [`${entries} messages back in their mailboxes`] : []),
    ...(lost > 0 ? [`${lost} messages whose rows are gone: those that the log has are in Recovered`] : []),
    ...(recovered > 0
      ? [`${recovered} messages in Recovered, from the log; some may have been deleted before by whose they are`]
      : []),
    ...(held > 0
      ? [
          `${held} recipients in the queue on hold: nobody knows whether they had theirs (postqueue -p, postsuper -H or -d)`,
        ]
      : []),
    ...(moved > 0 ? [`${moved} messages whose content lay elsewhere`] : []),
    ...(contentGone > 0 ? [`${contentGone} messages whose content is gone`] : []),
    ...(accounts > 0 ? [`${accounts} accounts without a password`] : []),
    ...((report.after?.findings ?? 0) > 0 ? [`${report.after?.findings} findings are left`] : []),
    isDry ? 'nothing is changed' : kept === undefined ? 'done' : `done; the damaged database is ${kept}`,
  ]
  return `${lines.join('\n')}\n`
}

const isExpected = (error: unknown): boolean =>
  error instanceof NoRoomError ||
  error instanceof ServerRunsError ||
  isFull(error) ||
  (error instanceof Error && 'code' in error && ['ENOSPC', 'EACCES', 'EPERM'].includes(String(error.code)))

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
