/** What `postigo mailbox undelete` asks of whoever has the data. */
import type { ControlAnswer, ControlRequest } from './control.ts'
import type { ImportRooms } from './import-control.ts'

export async function answerUndelete({ current }: ImportRooms, request: ControlRequest): Promise<ControlAnswer> {
  const { accounts, store } = current
  const account = accounts.find(String(request['account']))
  if (account === undefined) return { ok: false, error: `there is no account ${String(request['account'])}` }
  const sinceMs = Number(request['sinceMs'] ?? 0)
  switch (request.command) {
    case 'undelete-list':
      return { ok: true, found: store.undeletable(account.id, sinceMs) }
    case 'undelete-bring': {
      const back = await store.undelete(account.id, Number(request['mailbox']), sinceMs)
      return 'refused' in back ? { ok: false, error: back.text, refused: back.refused } : { ok: true, ...back }
    }
    default:
      return { ok: false, error: `unknown request: ${request.command}` }
  }
}
