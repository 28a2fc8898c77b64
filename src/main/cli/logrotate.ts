/** `postfix logrotate`: maillog_file gets another name, the server a new file, and the old one is compressed. */
import { spawnSync } from 'node:child_process'
import { closeSync, fchmodSync, fchownSync, openSync, renameSync, statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { Config } from '../../io/config/mod.ts'
import { serverLockHolder } from '../../io/db/mod.ts'
import { askControl } from '../server/control.ts'
import { dataPaths } from '../server/data-dir.ts'
import { readConfig } from '../server/rooms.ts'
import { type Command, configDirectory, EX } from './io.ts'

const NEEDED = ['maillog_file', 'maillog_file_compressor', 'maillog_file_rotate_suffix'] as const

/** As Postfix's script ends. */
const FAILED = 1

export const logrotate: Command = async (argv, io) => {
  const { values } = parseArgs({ args: [...argv], options: { config: { type: 'string', short: 'c' } } })
  const config = readConfig({ directory: configDirectory(values.config, io) })
  const fatal = (text: string): number => {
    io.err(`postigo: fatal: ${text}\n`)
    return FAILED
  }
  const empty = NEEDED.find((name) => (config.value(name) ?? '') === '')
  if (empty !== undefined) return fatal(`empty '${empty}' parameter value - logfile rotation failed`)
  const file = config.value('maillog_file') ?? ''
  if (file.startsWith('/dev/')) return fatal(`not rotating '${file}'`)
  try {
    await rotate(config, file)
    return EX.ok
  } catch (error) {
    return fatal(`logfile '${file}' rotation failed: ${error instanceof Error ? error.message : String(error)}`)
  }
}

async function rotate(config: Config, file: string): Promise<void> {
  const suffix = output('date', [`+${config.value('maillog_file_rotate_suffix') ?? ''}`]).trim()
  const old = `${file}.${suffix}`
  const { uid, gid, mode } = statSync(file)
  renameSync(file, old)
  // The server may not make files in the directory of logs: who turns them does, and gives it the new one.
  // A file of its own making: whoever else may write there could have put a link in its place meanwhile.
  const fd = openSync(file, 'ax', mode & 0o777)
  fchmodSync(fd, mode & 0o777)
  fchownSync(fd, uid, gid)
  closeSync(fd)
  const paths = dataPaths(config)
  if (serverLockHolder(paths.dir) !== undefined) {
    const answer = await askControl(paths.control, { command: 'reopen-log' })
    if (!answer.ok) throw new Error(answer.error)
  }
  output(config.value('maillog_file_compressor') ?? '', [old])
}

function output(program: string, words: readonly string[]): string {
  const { error, status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' })
  if (error !== undefined) throw error
  if (status !== 0) throw new Error(stderr.trim() || `${program} ended with ${status}`)
  return stdout
}
