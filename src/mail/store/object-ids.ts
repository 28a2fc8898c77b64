/** Ids of mailboxes, messages and conversations that stay the same wherever these go. RFC 8474. */
import { hash } from 'node:crypto'
import type { StoredMessage } from './contract.ts'

/** A row's number may be given again after a power cut, its UIDVALIDITY may not (rule 7 of the log). */
export function mailboxObjectId(id: number, uidValidity: number): string {
  return `F${id.toString(36)}-${uidValidity.toString(36)}`
}

/** Letters of the hash of what delivery put in front. */
const PREFIX_LETTERS = 10

/**
 * The record's id. One record may be several messages of an account that differ by what delivery put in front
 * (`Delivered-To`): these are told apart by that.
 */
export function emailId({ recordId, prefix }: Pick<StoredMessage, 'recordId' | 'prefix'>): string {
  const id = `M${recordId.toString('base64url')}`
  return prefix.length === 0 ? id : `${id}-${hash('sha256', prefix, 'base64url').slice(0, PREFIX_LETTERS)}`
}

export function threadId({ threadRecordId }: Pick<StoredMessage, 'threadRecordId'>): string {
  return `T${threadRecordId.toString('base64url')}`
}
