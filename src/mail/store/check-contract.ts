/** What the checks of the store tell. */
import type { Reader } from '../../io/db/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { MailboxId } from './contract.ts'

/** Something that is not as the store leaves it. */
export interface StoreFinding {
  readonly account?: AccountId | undefined
  readonly mailbox?: MailboxId | undefined
  readonly uid?: number | undefined
  readonly text: string
}

export interface StoreCheck {
  /** A connection of its own: each step is one transaction, so that what others write meanwhile is no finding. */
  readonly reader: Reader
  readonly onFinding: (finding: StoreFinding) => void
  readonly onProgress: (done: number) => void
}

/** One look at a state that does not change. */
export function atOnce<T>(reader: Reader, look: () => T): T {
  reader.sql('BEGIN').run()
  try {
    return look()
  } finally {
    reader.sql('COMMIT').run()
  }
}
