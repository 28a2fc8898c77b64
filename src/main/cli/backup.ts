/** `postigo backup`: makes backups of everything, lists them, and looks whether one is whole. */
import { resolve, join } from 'node:path'
import { makeBackup, type BackupReport } from '../backup/backup.ts'
import { BackupError, chooseGeneration, generationsIn, readManifest } from '../backup/manifest.ts'
import { verifyGeneration } from '../backup/verify.ts'
import { parseWords, UsageError } from './accounts-port.ts'
import { commandFailure } from './command-failure.ts'
import { openData } from './data-access.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'
import { Progress } from './mailbox-import-report.ts'

const USAGE = `usage: postigo backup DIR [--keep N] [--without-secrets] [-c CONFIG]
       postigo backup --verify DIR [--generation TIME]
       postigo backup --list DIR

  DIR                where backups are kept; only what is new since the last one is copied into it
  --keep N           how many of them (7)
  --without-secrets  leaves out credential.key, without which no password can be checked, and the keys of certificates
  --verify           reads a backup, the last one or that of TIME, and says what is damaged
  --list             what there is
  -c CONFIG          configuration directory; a copy of it goes along

The server may run, and take in mail. Exit code 65: something is damaged, in the data or in the backup.
`

const OPTIONS = {
  config: { type: 'string', short: 'c' },
  keep: { type: 'string' },
  'without-secrets': { type: 'boolean' },
  verify: { type: 'boolean' },
  list: { type: 'boolean' },
  generation: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const KEEP = 7
const KEEP_LIMIT = 10_000

export const backup: Command = async (argv, io) => {
  try {
    const { values, words } = parseWords(argv, OPTIONS)
    if (values.help === true) {
      io.out(USAGE)
      return EX.ok
    }
    const [word, ...more] = words
    if (word === undefined || more.length > 0) throw new UsageError('one DIR')
    const dir = resolve(io.cwd, word)
    if (values.generation !== undefined && values.verify !== true)
      throw new UsageError('--generation belongs to --verify')
    if (values.verify === true) return verify(dir, values.generation, io)
    if (values.list === true) return list(dir, io)
    const keep = Number(values.keep ?? KEEP)
    if (!Number.isInteger(keep) || keep < 1 || keep > KEEP_LIMIT)
      throw new UsageError(`--keep takes 1 to ${KEEP_LIMIT}`)
    return await make(dir, { keep, secrets: values['without-secrets'] !== true, config: values.config }, io)
  } catch (error) {
    return failure(error, io)
  }
}

function failure(error: unknown, io: CliIo): number {
  const isOfSystem = error instanceof Error && 'syscall' in error // the file system said no: no room, no right
  if (!(error instanceof BackupError || isOfSystem)) return commandFailure('backup', USAGE, error, io)
  io.err(`postigo backup: ${error.message}\n`)
  return EX.cantCreat
}

async function make(
  dir: string,
  { keep, secrets, config }: { keep: number; secrets: boolean; config: string | undefined },
  io: CliIo,
): Promise<number> {
  const directory = resolve(io.cwd, configDirectory(config, io))
  const data = await openData(directory)
  const progress = new Progress(io)
  try {
    const shown = (what: string, done: number, expected: number): void => progress.show(what, done, expected)
    const report = await makeBackup({ dir, configDirectory: directory, data, keep, secrets, progress: shown })
    progress.clear()
    io.out(describe(report, secrets))
    for (const problem of report.verified.problems) io.err(`postigo backup: ${problem}\n`)
    return report.verified.problems.length === 0 ? EX.ok : EX.dataErr
  } finally {
    progress.clear()
    await data.close()
  }
}

const mib = (octets: number): string => `${(octets / 1024 ** 2).toFixed(1)} MiB`

function describe(
  { generation, octets, copiedSegments, segments, verified, leftOut, removed }: BackupReport,
  secrets: boolean,
): string {
  const lines = [
    `${generation}: ${mib(octets)} copied, ${copiedSegments} of ${segments} segments of the log; ` +
      `read back: ${verified.files} files, ${verified.records} records, ${verified.positions} positions`,
    secrets
      ? 'credential.key and the keys of certificates are in it: keep it as secret as the server'
      : 'credential.key is not in it: keep a copy elsewhere',
    ...leftOut.map((text) => `left out: ${text}`),
    ...removed.map((name) => `removed: ${name}`),
  ]
  return `${lines.join('\n')}\n`
}

function verify(dir: string, wanted: string | undefined, io: CliIo): number {
  const generation = chooseGeneration(dir, wanted)
  const manifest = readManifest(dir, generation)
  const progress = new Progress(io)
  const all = [...manifest.files, ...manifest.segments].reduce((sum, { octets }) => sum + octets, 0)
  let done = 0
  const tick = (octets: number): void =>
    progress.show('KiB', Math.round((done += octets) / 1024), Math.round(all / 1024))
  const found = verifyGeneration(manifest, { dir, at: join(dir, 'generations', generation), tick })
  progress.clear()
  for (const problem of found.problems) io.err(`postigo backup: ${generation}: ${problem}\n`)
  const counts = `${found.files} files, ${found.records} records, ${found.positions} positions`
  io.out(
    `${generation}: ${counts}, ${found.problems.length === 0 ? 'all whole' : `${found.problems.length} problems`}\n`,
  )
  return found.problems.length === 0 ? EX.ok : EX.dataErr
}

function list(dir: string, io: CliIo): number {
  chooseGeneration(dir, undefined)
  for (const generation of generationsIn(dir)) {
    try {
      const { files, segments, problems, version } = readManifest(dir, generation)
      const octets = [...files, ...segments].reduce((sum, one) => sum + one.octets, 0)
      const whole = problems.length === 0 ? 'whole' : `${problems.length} problems in the data`
      io.out(`${generation}  ${mib(octets)}  postigo ${version}  ${whole}\n`)
    } catch (error) {
      io.out(`${generation}  ${error instanceof Error ? error.message : String(error)}\n`)
    }
  }
  return EX.ok
}
