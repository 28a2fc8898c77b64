/** The journal of drop folders: what a command may have filed, until all of it is taken in and taken away. */
import type { Db, Schema, Tx } from '../../../../io/db/mod.ts'
import { stsTable } from '../../smtp/sts/cache.ts'
import { tlsResultTable } from '../../smtp/tls-report/counts.ts'
import type { RecipientResult } from '../../../queue/mod.ts'
import type { Arrived, Survey } from './survey.ts'

export const deliverySchema: Schema = {
  room: 'mail/delivery',
  steps: [
    `-- A command of a user that files into drop folders: from before it starts until its mail is taken in. The key names
     -- one attempt of one recipient, so that no other message ever meets it.
     CREATE TABLE drop_journal (
       queue_id TEXT NOT NULL,
       recipient INTEGER NOT NULL,
       command TEXT NOT NULL,
       -- JSON: what lay in the folders before
       before TEXT NOT NULL,
       -- JSON: result of the command, and what it filed; NULL while it runs
       ended TEXT,
       PRIMARY KEY (queue_id, recipient, command)
     ) STRICT, WITHOUT ROWID`,
    stsTable,
    tlsResultTable,
  ],
}

export interface JournalKey {
  readonly queueId: string
  readonly recipient: number
  readonly command: string
}

/** A command that has ended, with what is still to be taken in. */
export interface EndedCommand {
  readonly result: RecipientResult
  readonly arrived: readonly ArrivedItem[]
}

export interface ArrivedItem extends Arrived {
  /** Messages of it that stand in the store. */
  readonly taken: number
  /** All are, and the file is yet to be cleared. */
  readonly complete: boolean
}

export interface JournalEntry {
  readonly before: Survey
  readonly ended: EndedCommand | undefined
}

const WHERE = 'WHERE queue_id = ? AND recipient = ? AND command = ?'

export class DropJournal {
  readonly #db: Db

  constructor(db: Db) {
    this.#db = db
  }

  find({ queueId, recipient, command }: JournalKey): JournalEntry | undefined {
    const row = this.#db.read.sql(`SELECT before, ended FROM drop_journal ${WHERE}`).get(queueId, recipient, command)
    if (row === undefined) return undefined
    const [before, ended] = row
    return {
      before: JSON.parse(String(before)) as Survey, // written by begin
      ended: ended === null ? undefined : (JSON.parse(String(ended)) as EndedCommand), // written by end and progress
    }
  }

  begin({ queueId, recipient, command }: JournalKey, before: Survey): Promise<unknown> {
    return this.#db.write((tx) =>
      tx
        .sql('INSERT OR REPLACE INTO drop_journal (queue_id, recipient, command, before) VALUES (?, ?, ?, ?)')
        .run(queueId, recipient, command, JSON.stringify(before)),
    )
  }

  end(key: JournalKey, ended: EndedCommand): Promise<void> {
    return this.#db.write((tx) => this.progress(tx, key, ended))
  }

  /** Inside the transaction that puts a message into the store. */
  progress(tx: Tx, { queueId, recipient, command }: JournalKey, ended: EndedCommand): void {
    tx.sql(`UPDATE drop_journal SET ended = ? ${WHERE}`).run(JSON.stringify(ended), queueId, recipient, command)
  }

  remove({ queueId, recipient, command }: JournalKey): Promise<unknown> {
    return this.#db.write((tx) => tx.sql(`DELETE FROM drop_journal ${WHERE}`).run(queueId, recipient, command))
  }
}
