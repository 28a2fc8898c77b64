/** `postigo check`: what is wrong with a configuration, with file and line; `--fix` writes what is certainly meant. */
import { chmodSync, copyFileSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import {
  type Config,
  ConfigError,
  type Finding,
  indentContinuations,
  lostContinuations,
  replaceFile,
} from '../../io/config/mod.ts'
import { readSaslConf, saslSearchPath } from '../../mail/accounts/mod.ts'
import { postfixQueueNotice } from '../postfix-queue/find.ts'
import { allFindings } from '../server/findings.ts'
import { listenersOf } from '../server/listeners.ts'
import { servedFrom } from '../server/served-from.ts'
import { mainParams } from '../server/params.ts'
import { saslApplication } from '../server/smtpd-sasl.ts'
import { counts } from './check-counts.ts'
import { changedLines, mendMainCf, readerOf } from './check-fix.ts'
import { type CliIo, type Command, configDirectory, EX } from './io.ts'

const USAGE = `usage: postigo check [-c DIR] [--json] [--fix]

Says what is wrong with a configuration: file, line, what will happen, and what to write instead.
  --fix    writes what is certainly a slip into main.cf, keeping comments and order; the file as it
           was stays beside it as main.cf.before-fix. What changes which domains or clients are yours
           is only proposed.
  --json   for programs
Exit status: 0, or 78 where there is an error.
`

export const check: Command = async (argv, io) => {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      config: { type: 'string', short: 'c' },
      json: { type: 'boolean' },
      fix: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    io.out(USAGE)
    return EX.ok
  }
  const directory = resolve(io.cwd, configDirectory(values.config, io))
  try {
    const changes = values.fix === true ? await fix(directory) : []
    const told = await findingsOf(directory)
    const { findings } = told
    if (values.json === true) io.out(`${JSON.stringify(values.fix ? { changes, findings } : findings, undefined, 2)}\n`)
    else print(told, changes, io)
    return findings.some((finding) => finding.severity === 'error') ? EX.config : EX.ok
  } catch (error) {
    if (!(error instanceof Error)) throw error
    io.err(`postigo check: ${error.message}\n`)
    return EX.config
  }
}

const mainCfOf = (directory: string): string => join(directory, 'main.cf')

function readMainCf(directory: string): string {
  const file = mainCfOf(directory)
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new ConfigError(error instanceof Error ? error.message : String(error), { file, line: 0 }, error)
  }
}

function masterCf(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, 'master.cf'), 'utf8')
  } catch {
    return undefined
  }
}

/** Findings, and what they are about. */
interface Told {
  readonly findings: readonly Finding[]
  readonly config: Config
}

/** Everything that can be told; where lines lost their indentation, of the text as it was meant. */
async function findingsOf(directory: string): Promise<Told> {
  const text = readMainCf(directory)
  const file = mainCfOf(directory)
  const lost = lostContinuations(text).map(({ line, text: words, settingLine }): Finding => ({
    severity: 'error',
    file,
    line,
    name: '',
    text: `"${words}" is no setting: it continues line ${settingLine}, and must begin with white space`,
    proposal: `    ${words}`,
  }))
  const config = readerOf(directory, masterCf(directory))(indentContinuations(text))
  listenersOf(config, config.bind(mainParams).mailbox_services)
  const sasl = readSaslConf(saslApplication(config), saslSearchPath(directory, config.value('cyrus_sasl_config_path')))
  const findings = [...lost, ...(await allFindings(config)), ...sasl.findings]
  const byFile = (a: Finding, b: Finding): number => Number(b.file === file) - Number(a.file === file)
  return { findings: findings.toSorted((a, b) => byFile(a, b) || a.line - b.line), config }
}

/** Writes what is certainly meant; answers what was changed, as lines. */
async function fix(directory: string): Promise<string[]> {
  const file = mainCfOf(directory)
  const text = readMainCf(directory)
  const read = readerOf(directory, masterCf(directory))
  const mended = mendMainCf(text, read)
  const changes = changedLines(text, mended)
  if (mended !== text) {
    copyFileSync(file, `${file}.before-fix`)
    replaceFile(file, mended)
  }
  return [...changes, ...(await narrowSecrets(read(mended)))]
}

/** Tables with passwords that every user can read. */
async function narrowSecrets(config: Config): Promise<string[]> {
  const wide = new Set(
    (await allFindings(config)).flatMap(({ proposal }) => /^chmod 600 (\/.+)$/.exec(proposal ?? '')?.[1] ?? []),
  )
  for (const path of wide) chmodSync(path, 0o600)
  return [...wide].map((path) => `chmod 600 ${path}`)
}

function print({ findings, config }: Told, changes: readonly string[], io: CliIo): void {
  if (changes.length > 0) io.out(`changed:\n${changes.map((line) => `  ${line}\n`).join('')}\n`)
  for (const { severity, file, line, text, proposal } of findings) {
    io.out(`${file}${line > 0 ? `, line ${line}` : ''}: ${severity}: ${text}\n`)
    if (proposal !== undefined) io.out(`    write: ${proposal}\n`)
  }
  if (findings.length === 0) io.out('nothing to complain about\n')
  io.out(counts(config))
  io.out(
    servedFrom(config)
      .map((line) => `${line}\n`)
      .join(''),
  )
  const notice = postfixQueueNotice(config)
  if (notice !== undefined) io.out(`${notice}\n`)
}
