/** Rows of messages that are damaged: their sums tell. What was computed comes from the snapshot, or is computed anew from the content. */
import type { Position } from '../../io/blobs/mod.ts'
import type { SqlValue, Tx } from '../../io/db/mod.ts'
import type { MessageFacts } from './contract.ts'
import { copyRow, type Mending } from './mend-contract.ts'
import { sumOfRow, SUMMED_COLUMNS } from './check-messages.ts'
import { MESSAGE_BATCH } from './message-rows.ts'
import { messageSum } from './sums.ts'
import { packKeys } from './thread-keys.ts'

/** The content of a row that is not to be believed, as the log has it; undefined where there is none at that place. */
export type Reread = (
  at: Position,
  account: number,
) => { readonly recordId: Buffer; readonly prefix: Buffer; readonly facts: MessageFacts } | undefined

/** Rows of `message` whose sum is another are made right, or go: then whoever has an entry of theirs lost them. */
export async function mendMessages(mending: Mending, reread: Reread): Promise<number> {
  const rows = `SELECT id, account, mailbox, uid, sum, ${SUMMED_COLUMNS}, segment, offset, length FROM message
    WHERE id > ? ORDER BY id LIMIT ${MESSAGE_BATCH}`
  let mended = 0
  for (let after = 0, some: SqlValue[][]; (some = mending.db.read.sql(rows).all(after)).length > 0;) {
    const bad = some.filter((row) => row[4] !== null && row[4] !== sumOfRow(row))
    if (bad.length > 0)
      await mending.db.write((tx) => {
        for (const row of bad) mendRow(mending, reread, tx, row)
      })
    mended += bad.length
    after = Number(some.at(-1)?.[0])
  }
  return mended
}

function mendRow({ snapshot, onNote }: Mending, reread: Reread, tx: Tx, row: readonly SqlValue[]): void {
  const [id = 0, account = 0, mailbox = 0, uid = 0] = row.slice(0, 4).map(Number)
  const [segment = 0, offset = 0, length = 0] = row.slice(14).map(Number)
  const found = reread({ segment, offset, length }, account)
  if (found !== undefined) {
    const { recordId, prefix, facts } = found
    const sent = Number.isNaN(facts.sentMs) ? null : facts.sentMs
    const linked = packKeys(facts.threadKeys)
    const { messageId, envelope, bodyStructure, listedFields, parts } = facts
    tx.sql(
      `UPDATE message SET record_id = ?, sent = ?, message_id = ?, prefix = ?, envelope = ?, body_structure = ?, listed_fields = ?, parts = ?,
       linked = ?, sum = ? WHERE id = ?`,
    ).run(
      recordId,
      sent,
      messageId,
      prefix,
      envelope,
      bodyStructure,
      listedFields,
      parts,
      linked,
      messageSum({ ...facts, recordId, sent, prefix, linked }),
      id,
    )
    onNote({ account, mailbox, uid, text: `message ${id}: what was computed of it was damaged, and is computed anew` })
    return
  }
  tx.sql('DELETE FROM message WHERE id = ?').run(id)
  const taken = snapshot !== undefined && copyRow(snapshot, tx, 'message', id)
  if (taken) tx.sql('UPDATE message SET mailbox = ?, uid = ? WHERE id = ?').run(mailbox, uid, id)
  const text = taken ? 'its row was damaged, and comes from the snapshot' : 'its row is damaged, and goes'
  onNote({ account, mailbox, uid, text: `message ${id}: ${text}` })
}
