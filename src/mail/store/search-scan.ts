/** How far the search index has come: rows of `search_scan`. */
import type { Reader, Tx } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import { BIT_OCTETS, BLOCK_SLICES, disownBlocks, SLICE_BITS } from './search-blocks.ts'
import { SIGNATURE_OCTETS } from './search-signature.ts'

/** The scan that goes on for ever. */
export const ALL_ACCOUNTS = -1

export interface Scan {
  /** ALL_ACCOUNTS, or one whose index is made anew. */
  readonly account: AccountId
  /** Messages up to this one were looked at. */
  readonly after: number
  /** Of one account: up to this one it is looked at by this scan. */
  readonly until: number
  /** Raised whenever something is begun anew. */
  readonly generation: number
}

/** Those of single accounts first. */
export function scansOf(reader: Reader): Scan[] {
  return reader
    .sql('SELECT account, after, until, generation FROM search_scan ORDER BY account DESC')
    .all()
    .map((row) => {
      const [account = 0, after = 0, until = 0, generation = 0] = row.map(Number)
      return { account, after, until, generation }
    })
}

/** Whether what was found since may still be written: nothing was begun anew meanwhile. */
export function isCurrent(reader: Reader, { generation }: Scan): boolean {
  return scansOf(reader).every((scan) => scan.generation <= generation)
}

/** One of a single account that has come to its end goes. */
export function setScan(tx: Tx, { account, after, until, generation }: Scan): void {
  if (account !== ALL_ACCOUNTS && after >= until) tx.sql('DELETE FROM search_scan WHERE account = ?').run(account)
  else
    tx.sql('INSERT OR REPLACE INTO search_scan (account, after, until, generation) VALUES (?, ?, ?, ?)').run(
      account,
      after,
      until,
      generation,
    )
}

/** The index of an account, or of all, is made anew. */
export function rebuildIndex(tx: Tx, account?: AccountId): void {
  disownBlocks(tx, account)
  const before = scansOf(tx)
  const after = before.find((scan) => scan.account === ALL_ACCOUNTS)?.after ?? 0
  const generation = Math.max(0, ...before.map((scan) => scan.generation)) + 1
  if (account === undefined) {
    tx.sql('DELETE FROM search_scan').run()
    setScan(tx, { account: ALL_ACCOUNTS, after: 0, until: 0, generation })
    return
  }
  setScan(tx, { account: ALL_ACCOUNTS, after, until: 0, generation })
  if (after > 0) setScan(tx, { account, after: 0, until: after, generation })
}

const BLOCK_OCTETS = BLOCK_SLICES * SLICE_BITS * BIT_OCTETS

/** How much of the messages is indexed. */
export interface IndexStatus {
  readonly messages: number
  readonly indexed: number
  readonly blocks: number
  readonly octets: number
}

export function indexStatus(reader: Reader, account?: AccountId): IndexStatus {
  const of = account === undefined ? '' : 'WHERE account = ?'
  const its = account === undefined ? [] : [account]
  const one = (sql: string): number[] => (reader.sql(sql).get(...its) ?? []).map(Number)
  const [messages = 0] = one(`SELECT count(*) FROM message ${of}`)
  const [blocks = 0, held = 0] = one(
    `SELECT count(*), coalesce(sum(length(messages) / 8 - gone), 0) FROM search_block ${of || 'WHERE account >= 0'}`,
  )
  const [recent = 0] = one(`SELECT count(*) FROM search_recent ${of}`)
  return { messages, indexed: held + recent, blocks, octets: blocks * BLOCK_OCTETS + recent * SIGNATURE_OCTETS }
}
