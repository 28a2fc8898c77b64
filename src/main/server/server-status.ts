/** What `postigo status` tells of a running server. */
import { segmentRows } from '../../io/blobs/mod.ts'
import type { Reader } from '../../io/db/mod.ts'
import type { AcmeStatus } from '../certificates/status.ts'
import { version } from '../version.ts'
import type { FrontStatus } from './front.ts'
import type { ListenerSpec } from './listeners.ts'
import type { Rooms } from './rooms.ts'
import type { SnapshotStatus } from './snapshots.ts'

export interface ServerStatus {
  readonly version: string
  readonly pid: number
  readonly directory: string
  readonly startedMs: number
  readonly threads: number
  readonly services: readonly {
    readonly name: string
    readonly kind: string
    readonly address: string
    readonly port: number
    readonly path?: string
  }[]
  readonly connections: FrontStatus
  readonly queue: {
    readonly messages: number
    readonly recipients: number
    readonly deferred: number
    readonly held: number
  }
  /** Of ACME, where it is switched on. */
  readonly acme?: AcmeStatus
  /** Of the database: the daily copies. */
  readonly snapshot: SnapshotStatus
  readonly accounts: number
  readonly mailboxes: number
  /** Of the message log; live: what messages and the queue refer to, expunged ones that can be brought back included. */
  readonly log: { readonly segments: number; readonly octets: number; readonly liveOctets: number }
  /** Of all that is in mailboxes. */
  readonly mailOctets: number
  readonly memory: { readonly rssOctets: number; readonly heapOctets: number }
}

export interface StatusParts {
  readonly rooms: Rooms
  readonly directory: string
  readonly startedMs: number
  readonly threads: number
  readonly services: readonly ListenerSpec[]
  readonly connections: FrontStatus
  readonly acme: AcmeStatus | undefined
  readonly snapshot: SnapshotStatus
}

export function statusOf({ rooms, services, acme, ...known }: StatusParts): ServerStatus {
  const { current, desk, db } = rooms
  const { rss, heapUsed } = process.memoryUsage()
  return {
    ...known,
    version,
    pid: process.pid,
    services: services.map(({ name, kind, address, port, path }) => ({
      name,
      kind,
      address,
      port,
      ...(path !== undefined && { path }),
    })),
    queue: desk.counts(),
    ...(acme !== undefined && { acme }),
    accounts: current.accounts.list().length,
    mailboxes: Number(db.read.sql('SELECT count(*) FROM mailbox').get()?.[0] ?? 0),
    log: logUse(db.read),
    mailOctets: Number(db.read.sql('SELECT coalesce(sum(octets), 0) FROM account_state').get()?.[0] ?? 0),
    memory: { rssOctets: rss, heapOctets: heapUsed },
  }
}

function logUse(reader: Reader): ServerStatus['log'] {
  const rows = segmentRows(reader)
  const sum = (what: 'watermark' | 'liveOctets'): number => rows.reduce((octets, row) => octets + row[what], 0)
  return { segments: rows.length, octets: sum('watermark'), liveOctets: sum('liveOctets') }
}
