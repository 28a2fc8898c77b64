/** `postigo queue import`: what waits in Postfix's queue waits in ours, with its age, reasons and reports; each message once. */
import { resolve } from 'node:path'
import { asked } from '../folders/import-folder.ts'
import { TAKE_LIMIT } from '../postfix-queue/control.ts'
import { countsOf, type PostfixFile, postfixFiles, postfixMaster } from '../postfix-queue/find.ts'
import type { TakenIn } from '../postfix-queue/take-in.ts'
import { readConfig } from '../server/rooms.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { type DataAccess, openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'
import { commandFailure } from './command-failure.ts'

const USAGE = `usage: postigo queue import [-c DIR] [--dry-run] [--json]

Takes in what waits in incoming, active, deferred, hold and maildrop of Postfix's queue_directory, which must not run.
Each file is put aside into postfix-queue of the data directory once its message is ours. What cannot be read stays.
  --dry-run  only counts
  --json     for programs
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  'dry-run': { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const queueImport: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (words.length > 0) throw new UsageError(`unknown word: ${words[0]}`)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const directory = resolve(io.cwd, configDirectory(values.config, io))
    if (values['dry-run'] === true) return look(directory, values.json === true, io)
    const data = await openData(directory)
    try {
      return await importQueue(data, io, values.json === true)
    } finally {
      await data.close()
    }
  } catch (error) {
    return commandFailure('queue import', USAGE, error, io)
  }
}

function look(directory: string, json: boolean, io: CliIo): number {
  const files = postfixFiles(readConfig({ directory }).value('queue_directory') ?? '/')
  const counts = countsOf(files)
  io.out(
    json ? `${JSON.stringify({ files }, undefined, 2)}\n` : `${files.length} messages${counts && ` (${counts})`}\n`,
  )
  return EX.ok
}

async function importQueue(data: DataAccess, io: CliIo, json: boolean): Promise<number> {
  const master = runningMaster(data)
  if (master !== undefined) {
    io.err(`postigo queue import: ${master}\n`)
    return EX.unavailable
  }
  const files = (await asked(data, { command: 'postfix-queue-list' }))['files'] as readonly PostfixFile[]
  const progress = new Progress(io)
  const results: TakenIn[] = []
  for (let at = 0; at < files.length; at += TAKE_LIMIT) {
    const paths = files.slice(at, at + TAKE_LIMIT).map(({ path }) => path)
    const answer = await asked(data, { command: 'postfix-queue-take', paths })
    results.push(...(answer['taken'] as readonly TakenIn[]))
    progress.show('messages', results.length, files.length)
  }
  progress.clear()
  return report(results, files, io, json)
}

function runningMaster(data: DataAccess): string | undefined {
  try {
    const pid = postfixMaster(data.config.value('queue_directory') ?? '')
    return pid === undefined
      ? undefined
      : `Postfix runs (process ${pid}): "postfix stop" first, so that no message goes out twice`
  } catch (error) {
    return `it cannot be told whether Postfix runs: ${error instanceof Error ? error.message : String(error)}`
  }
}

function report(results: readonly TakenIn[], files: readonly PostfixFile[], io: CliIo, json: boolean): number {
  const left = results.filter(({ result }) => result === 'left')
  const taken = results.filter(({ result }) => result === 'taken')
  const queues = new Set(taken.map(({ path }) => path))
  const counts = countsOf(files.filter(({ path }) => queues.has(path)))
  for (const { path, text } of left) io.err(`postigo queue import: ${path}: ${text}; it stays there\n`)
  if (json) io.out(`${JSON.stringify({ results }, undefined, 2)}\n`)
  else {
    const done = results.length - left.length - taken.length
    const rest = done === 0 ? '' : `, ${done} had nobody left to go to`
    io.out(`${taken.length} messages taken in${counts === '' ? '' : ` (${counts})`}${rest}, ${left.length} left\n`)
  }
  return left.length === 0 ? EX.ok : EX.dataErr
}
