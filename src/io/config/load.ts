/** From files to a Config. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { thisMachine, type Machine } from './builtin.ts'
import { MainConfig } from './config.ts'
import type { MasterService, Registry, Setting } from './contract.ts'
import { ConfigError } from './errors.ts'
import { readLogicalLines, type LogicalLine } from './logical-lines.ts'
import { defaultMaster, parseMaster } from './master.ts'
import { splitNameValue } from './name-value.ts'

export interface LoadOptions {
  readonly machine?: Machine
  /** For `parseConfig`: what stands in for the directory and for master.cf. */
  readonly directory?: string
  readonly masterCf?: string
}

/** A main.cf or master.cf larger than this is not one. */
const MAX_CONFIG_OCTETS = 4 * 1024 * 1024

/** Reads DIR/main.cf and DIR/master.cf. Throws ConfigError; a missing main.cf is one, a missing master.cf is not. */
export function loadConfig(directory: string, registry: Registry = new Map(), options: LoadOptions = {}): MainConfig {
  const dir = resolve(directory)
  const file = join(dir, 'main.cf')
  const text = readConfigFile(file)
  if (text === undefined) throw new ConfigError('No such file or directory', { file: `open ${file}`, line: 0 })
  const masterFile = join(dir, 'master.cf')
  const masterText = readConfigFile(masterFile)
  const master = masterText === undefined ? defaultMaster() : parseMaster(masterText, masterFile)
  return build(text, { dir, file, master }, registry, options)
}

/** The same from texts, for tests and for proposals that are not written yet. */
export function parseConfig(mainCf: string, registry: Registry = new Map(), options: LoadOptions = {}): MainConfig {
  const dir = options.directory ?? '/etc/postfix'
  const { masterCf } = options
  const master = masterCf === undefined ? defaultMaster() : parseMaster(masterCf, join(dir, 'master.cf'))
  return build(mainCf, { dir, file: join(dir, 'main.cf'), master }, registry, options)
}

/** A file's text, octets outside ASCII kept as UTF-8; undefined when there is no such file. */
function readConfigFile(file: string): string | undefined {
  try {
    const octets = readFileSync(file)
    if (octets.length > MAX_CONFIG_OCTETS) throw new ConfigError('file is too large', { file, line: 0 })
    return octets.toString('utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return undefined
    if (error instanceof ConfigError) throw error
    const why = code === 'EACCES' ? 'Permission denied' : error instanceof Error ? error.message : String(error)
    throw new ConfigError(why, { file: `open ${file}`, line: 0 }, error)
  }
}

function build(
  text: string,
  { dir, file, master }: { dir: string; file: string; master: readonly MasterService[] },
  registry: Registry,
  options: LoadOptions,
): MainConfig {
  const { lines, stray } = readLogicalLines(text)
  return new MainConfig({
    directory: dir,
    file,
    settings: lines.map((line) => parseSetting(line, file)),
    strayLines: stray.map((line) => ({ text: line.text, line: line.line, file })),
    master,
    registry,
    machine: options.machine ?? thisMachine(),
  })
}

function parseSetting(line: LogicalLine, file: string): Setting {
  const parsed = splitNameValue(line.text)
  if (typeof parsed === 'string') throw new ConfigError(`${parsed}: "${line.text}"`, { file, line: line.line })
  return { ...parsed, file, line: line.line }
}
