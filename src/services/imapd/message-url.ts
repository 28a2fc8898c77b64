/** What the URL of a message stands for: octets of it, whatever mailbox is selected. RFC 5092 §5, RFC 4469 §3. */
import type { MessageUrl } from '../../formats/imap/mod.ts'
import type { AccountId } from '../../mail/accounts/mod.ts'
import type { Selected, Store, StoredMessage } from '../../mail/store/mod.ts'
import { piecesOf } from './message-octets.ts'

export interface UrlPiece {
  readonly length: number
  readonly pieces: Iterable<Buffer>
}

/**
 * @param account whose mailbox it is
 * @param who who may read it, which is decided before
 * @returns undefined: there is no such mailbox, message or part, or it is another mailbox by now
 */
export async function pieceOf(
  store: Store,
  account: AccountId,
  { mailbox, partial, section, uid, uidValidity }: MessageUrl & { readonly mailbox: string },
  who: AccountId,
): Promise<UrlPiece | undefined> {
  const selected = await store.select(account, mailbox, { readOnly: true, who })
  if ('refused' in selected) return undefined
  try {
    if (uidValidity !== undefined && uidValidity !== selected.uidValidity) return undefined
    const message = await messageOf(selected, uid)
    return message && piecesOf(store, message, section, partial)
  } finally {
    selected.close()
  }
}

async function messageOf(selected: Selected, uid: number): Promise<StoredMessage | undefined> {
  const seq = selected.seqOf(uid)
  if (seq === 0) return undefined
  for await (const [message] of selected.messages([seq], ['content', 'parts'])) return message
  return undefined
}
