/** What the record of an APPEND says of each of its messages: for who looks for mail whose rows are gone. */
import type { AccountId } from '../accounts/mod.ts'
import { recordIdOf } from './append.ts'
import { meantBy } from './append-replay.ts'

export interface RecordedMessage {
  readonly account: AccountId
  /** The mailbox that it was for, by name. */
  readonly mailbox: string
  readonly recordId: Buffer
  /** In the record's content. */
  readonly from: number
  readonly length: number
  readonly flags: readonly string[]
  readonly internalDateMs: number
}

/** @param length of the record's content */
export function appendedIn(id: Buffer, facts: Buffer, length: number): RecordedMessage[] {
  const { account, name, messages } = meantBy({ facts, at: { length } })
  let from = 0
  return messages.map(({ length: octets, flags, internalDateMs }, i) => {
    const message = { account, mailbox: name, recordId: recordIdOf(id, i), from, length: octets, flags, internalDateMs }
    from += octets
    return message
  })
}
