/** `postigo queue export`: what waits in our queue goes into Postfix's queue_directory, for `postfix start` to go on with. */
import { resolve } from 'node:path'
import { serverLockHolder } from '../../io/db/mod.ts'
import { asked } from '../folders/import-folder.ts'
import { TAKE_LIMIT } from '../postfix-queue/control.ts'
import { postfixMaster } from '../postfix-queue/find.ts'
import type { Given } from '../postfix-queue/give.ts'
import { dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { NoData, openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = `usage: postigo queue export [-c DIR] [--dry-run]

Puts what waits in our queue into incoming, deferred and hold of Postfix's queue_directory. Neither server may run.
  --dry-run  only counts
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

export const queueExport: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (words.length > 0) throw new UsageError(`unknown word: ${words[0]}`)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    return await exportQueue(resolve(io.cwd, configDirectory(values.config, io)), values['dry-run'] === true, io)
  } catch (error) {
    return commandFailure('queue export', USAGE, error, io)
  }
}

/** Answers the exit code; what is left in our queue is told. */
export async function exportQueue(directory: string, isDry: boolean, io: CliIo): Promise<number> {
  const config = readConfig({ directory })
  if (serverLockHolder(dataPaths(config).dir) !== undefined) throw new NoData('the server runs: "postigo stop" first')
  const pid = postfixMaster(config.value('queue_directory') ?? '')
  if (pid !== undefined) throw new NoData(`Postfix runs (process ${pid}): "postfix stop" first`)
  const data = await openData(directory)
  try {
    const queueIds = (await asked(data, { command: 'postfix-queue-ours' }))['queueIds'] as readonly string[]
    if (isDry) {
      io.out(`${queueIds.length} messages would go to Postfix's queue\n`)
      return EX.ok
    }
    const results: Given[] = []
    for (let at = 0; at < queueIds.length; at += TAKE_LIMIT) {
      const some = queueIds.slice(at, at + TAKE_LIMIT)
      const answer = await asked(data, { command: 'postfix-queue-give', queueIds: some })
      results.push(...(answer['given'] as readonly Given[]))
    }
    const left = results.filter(({ result }) => result === 'left')
    for (const { queueId, text } of left) io.err(`postigo queue export: ${queueId}: ${text}\n`)
    io.out(`${results.length - left.length} messages went to Postfix's queue, ${left.length} stay in ours\n`)
    return left.length === 0 ? EX.ok : EX.dataErr
  } finally {
    await data.close()
  }
}
