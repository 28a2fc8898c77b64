import type { SearchKey } from '../../formats/imap/mod.ts'
import type { AccountId } from '../accounts/mod.ts'
import type { StoreContext } from './context.ts'
import type { Selected, StoredMessage } from './contract.ts'
export interface SearchParts {
  read(message: StoredMessage, from: number, to: number): Buffer
}
export async function searchMailbox(
  _c: StoreContext,
  _p: SearchParts,
  _a: AccountId,
  _s: Selected,
  key: SearchKey,
): Promise<readonly number[]> {
  throw new Error(key.key)
}
