/** The whole queue is put on hold: where it is of an earlier time, most of it has been delivered since. */
import type { Tx } from '../../io/db/mod.ts'

/** @returns messages that are on hold now */
export function holdAll(tx: Tx): number {
  tx.sql('UPDATE queue_message SET hold = 1 WHERE hold = 0').run()
  return Number(tx.sql('SELECT count(*) FROM queue_message').get()?.[0] ?? 0)
}
