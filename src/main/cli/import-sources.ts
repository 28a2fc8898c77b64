/** Where `postigo account import` finds users: Cyrus SASL's sasldb2, Dovecot's passwd-files, shadow(5), SQL. */
import { readFileSync } from 'node:fs'
import { systemText } from '../../base/mod.ts'
import { ROW_TYPES, TableError, tableRows } from '../../io/tables/mod.ts'
import { type ForeignPassword, readForeign } from '../../mail/accounts/mod.ts'
import { readSasldb, SasldbError } from './sasldb.ts'

export const FORMATS = ['sasldb2', 'passwd-file', 'shadow', 'sql'] as const
export type ImportFormat = (typeof FORMATS)[number]

/** A file larger than this is no list of users. */
const MAX_OCTETS = 256 * 1024 * 1024

export interface ImportedUser {
  /** As in the source: `user`, `user@domain`. */
  readonly name: string
  readonly password: ForeignPassword
}

/** A source that cannot be read; `message` says which and why. */
export class ImportError extends Error {}

export interface SourceOptions {
  /** A path, or `pgsql:FILE.cf` and the like. */
  readonly source: string
  readonly format: ImportFormat | undefined
  /** The scheme of passwords that name none. */
  readonly scheme: string | undefined
  readonly directory: string
}

/** All users of a source. Throws ImportError. */
export async function readUsers(options: SourceOptions): Promise<ImportedUser[]> {
  const { source, format = guess(source) } = options
  if (format === 'sql') return sqlUsers(options)
  if (format === 'sasldb2') return sasldbUsers(source)
  const scheme = options.scheme ?? 'CRYPT'
  return textOf(source)
    .split('\n')
    .flatMap((line): ImportedUser[] => {
      const [name = '', field = ''] = fieldsOf(line, format)
      if (name === '' || name.startsWith('#')) return []
      return [{ name, password: readForeign(field, scheme) }]
    })
}

function guess(source: string): ImportFormat {
  if (ROW_TYPES.some((type) => source.startsWith(`${type}:`))) return 'sql'
  if (/(?:^|\/)g?shadow[^/]*$/.test(source)) return 'shadow'
  try {
    readSasldb(source)
    return 'sasldb2'
  } catch {
    return /^[^:\s#][^:]*:/m.test(textOf(source)) ? 'passwd-file' : 'sasldb2' // which says what is wrong with it
  }
}

/** Names of Dovecot may hold a `:` as `\:`; its first two fields are all that matters here. */
function fieldsOf(line: string, format: ImportFormat): string[] {
  const text = line.replace(/\r$/, '')
  if (format === 'shadow') return text.split(':')
  return text.split(/(?<!\\):/).map((field) => field.replaceAll('\\:', ':'))
}

function textOf(file: string): string {
  try {
    const octets = readFileSync(file)
    if (octets.length <= MAX_OCTETS) return octets.toString('utf8')
  } catch (error) {
    throw new ImportError(`${file}: ${systemText(error)}`, { cause: error })
  }
  throw new ImportError(`${file}: File too large`)
}

function sasldbUsers(file: string): ImportedUser[] {
  try {
    return readSasldb(file).map(({ user, realm, password }) => ({
      name: `${user}@${realm}`,
      password: { kind: 'plain', password },
    }))
  } catch (error) {
    if (!(error instanceof SasldbError)) throw error
    throw new ImportError(error.message, { cause: error })
  }
}

/** Two columns: who, and the password. Dovecot's SQL passwords are CRYPT where they do not say. */
async function sqlUsers({ source, scheme = 'CRYPT', directory }: SourceOptions): Promise<ImportedUser[]> {
  const [, type = '', name = ''] = /^([a-z]+):(.*)$/s.exec(source) ?? []
  try {
    const rows = await tableRows(type, name, directory, () => undefined)
    return rows.map((row) => {
      if (row.length !== 2) throw new ImportError(`${source}: the query gives ${row.length} columns: user and password`)
      return { name: row[0] ?? '', password: readForeign(row[1] ?? '', scheme) }
    })
  } catch (error) {
    if (!(error instanceof TableError)) throw error
    const cause = error.cause instanceof Error ? `: ${error.cause.message}` : ''
    throw new ImportError(`${source}: ${error.text}${cause}`, { cause: error })
  }
}
