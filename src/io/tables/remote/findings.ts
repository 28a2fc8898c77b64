/** What can be told of a table that a server answers without asking it: its settings. For `postigo check`. */
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { systemClock } from '#src/base/mod.ts'
import { type Config, nearest } from '../../config/mod.ts'
import { TableError } from '../errors.ts'
import { remoteTable } from './makers.ts'
import { type RemoteOptions, SettingsError, type TableSettings } from './settings.ts'

export interface RemoteFinding {
  readonly text: string
  /** Where it stands; undefined: where the table is named. */
  readonly file?: string | undefined
  readonly line?: number | undefined
  readonly proposal?: string
}

/** Settings that are secrets. */
const SECRETS: readonly string[] = ['password', 'bind_pw']

export function remoteFindings(type: string, name: string, config: Config, directory: string): RemoteFinding[] {
  const file = resolve(directory, name)
  let settings: TableSettings | undefined
  const options: RemoteOptions = {
    name,
    file,
    directory,
    clock: systemClock,
    parameter: (key) => config.value(key),
    matchDomain: () => () => Promise.resolve(undefined),
    open: (other) => ({ name: other, type: '', fixed: true, get: () => undefined }),
    opened: (source) => (settings = source),
  }
  try {
    remoteTable(type, options)
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    const at = error instanceof SettingsError ? { file: error.file, line: error.line } : {}
    return [{ text: `${type}:${name}: ${error.text}: mail that needs it waits`, ...at }]
  }
  return settings === undefined ? [] : [...unused(settings), ...readable(settings)]
}

function unused(settings: TableSettings): RemoteFinding[] {
  return settings.unused().map(({ key, line }) => {
    const known = nearest(key, settings.known())
    const text = `unused parameter: ${key}${known === undefined ? '' : ` (did you mean ${known}?)`}`
    return { text, file: settings.file, line }
  })
}

function readable(settings: TableSettings): RemoteFinding[] {
  const { file } = settings
  const secret = SECRETS.find((key) => settings.text(key) !== '')
  if (file === undefined || secret === undefined) return []
  const mode = statSync(file, { throwIfNoEntry: false })?.mode ?? 0
  if ((mode & 0o004) === 0) return []
  const text = `${file} holds a password and can be read by every user`
  return [{ text, file, line: settings.lineOf(secret), proposal: `chmod o= ${file}` }]
}
