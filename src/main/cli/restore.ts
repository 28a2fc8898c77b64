/** `postigo restore`: everything, or some mail, as a backup has it. */
import { parseWords, UsageError } from './accounts-port.ts'
import { resolve } from 'node:path'
import { serverLockHolder } from '../../io/db/mod.ts'
import { BackupError, chooseGeneration } from '../backup/manifest.ts'
import { restoreAll } from '../backup/restore-all.ts'
import { dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { commandFailure } from './command-failure.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'

const USAGE = `usage: postigo restore --all [--release-queue] [options] DIR

  DIR               where \`postigo backup\` keeps backups
  --all             everything, into a data directory that is empty; no server may run
  --release-queue   with --all: what waits in the queue is sent; without it all of it is put on hold, for most of it
                    has been delivered since the backup
  --generation TIME of which time, as \`postigo backup --list\` names it (the last one)
  -c CONFIG         configuration directory; of the one in the backup nothing is put back: it lies in DIR/generations
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  all: { type: 'boolean' },
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
    if (values.all !== true) throw new UsageError('what? --all')
    return await everything({ dir, directory, generation, releaseQueue: values['release-queue'] === true }, io)
  } catch (error) {
    const isOfSystem = error instanceof Error && 'syscall' in error // the file system said no: no room, no right
    if (!(error instanceof BackupError || isOfSystem)) return commandFailure('restore', USAGE, error, io)
    io.err(`postigo restore: ${error.message}\n`)
    return EX.cantCreat
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
