/** The data directory: all of Postigo's data below Postfix's data_directory, and nothing of Postfix's touched. */
import { chmodSync, existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { segmentFiles } from '../../io/blobs/mod.ts'
import type { Config } from '../../io/config/mod.ts'

export interface DataPaths {
  readonly dir: string
  readonly database: string
  readonly log: string
  readonly control: string
  readonly key: string
  readonly tls: string
  /** The account's key at an ACME authority, the certificate from there, and how it stands with the next. */
  readonly acme: string
  /** The record of paths. */
  readonly record: string
  /** The code as the runtime compiled it for the server that runs as mail_owner. */
  readonly compiled: string
  /** Copies of the database, one a day. */
  readonly snapshots: string
}

export function dataPaths(config: Config): DataPaths {
  const dir = join(config.value('data_directory') ?? '/var/lib/postfix', 'postigo')
  return {
    dir,
    database: join(dir, 'mail.db'),
    log: join(dir, 'log'),
    control: join(dir, 'control'),
    key: join(dir, 'credential.key'),
    tls: join(dir, 'tls'),
    acme: join(dir, 'acme'),
    record: join(dir, 'paths'),
    compiled: join(dir, 'compiled'),
    snapshots: join(dir, 'snapshots'),
  }
}

/** Root acts as the owner of the data, so that what it makes there stays the server's. */
export function actAsOwner({ dir }: Pick<DataPaths, 'dir'>): void {
  if (process.geteuid?.() !== 0) return
  const owner = statSync(dir, { throwIfNoEntry: false })
  if (owner === undefined || owner.uid === 0) return
  process.setegid?.(owner.gid)
  process.seteuid?.(owner.uid)
}

/** Made for its owner alone: mail and verifiers lie in it. */
export function makeDataDirectory({ dir, log }: DataPaths): void {
  mkdirSync(dirname(dir), { recursive: true, mode: 0o755 }) // others reach the maildrop through it
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  chmodSync(dir, 0o700)
  mkdirSync(log, { recursive: true, mode: 0o700 })
}

/** There while a repair has done all but the last step. */
export function repairReady({ dir }: Pick<DataPaths, 'dir'>): string {
  return join(dir, 'repair', 'ready')
}

/** There while a restore of everything has not come to its end; what lies beside it is deleted when it begins anew. */
export function restoreBegun({ dir }: Pick<DataPaths, 'dir'>): string {
  return join(dir, 'restoring')
}

/** The database is not the one to be used, or mail has none. */
export class DamagedDataError extends Error {}

/** An empty database beside a full log would take in all mail once more, and send what was sent. Throws DamagedDataError. */
export function refuseDamaged(paths: DataPaths): void {
  if (existsSync(repairReady(paths)))
    throw new DamagedDataError('a repair was stopped half way: `postigo repair` ends it')
  if (existsSync(restoreBegun(paths)))
    throw new DamagedDataError('a restore was stopped half way: `postigo restore --all` begins it anew')
  if (existsSync(paths.database) || !existsSync(paths.log) || segmentFiles(paths.log).length === 0) return
  throw new DamagedDataError(
    `${paths.database} is missing, and the message log has mail: \`postigo repair\` puts a database together`,
  )
}
