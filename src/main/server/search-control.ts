/** What `postigo search-index` asks of whoever has the data. */
import { indexStatus, rebuildIndex } from '../../mail/store/mod.ts'
import type { ControlAnswer, ControlRequest } from './control.ts'
import type { Rooms } from './rooms.ts'
import { upkeepSettings } from './upkeep-parts.ts'

export type SearchRooms = Pick<Rooms, 'db' | 'current'>

export async function answerSearch(rooms: SearchRooms, request: ControlRequest): Promise<ControlAnswer> {
  const name = typeof request['account'] === 'string' ? request['account'] : undefined
  const account = name === undefined ? undefined : rooms.current.accounts.find(name)
  if (name !== undefined && account === undefined) return { ok: false, error: `there is no account ${name}` }
  if (request.command === 'search-index-rebuild') {
    if (!upkeepSettings(rooms).search_index) return { ok: false, error: 'search_index = no: there is no index' }
    await rooms.db.write((tx) => rebuildIndex(tx, account?.id))
  } else if (request.command !== 'search-index-status')
    return { ok: false, error: `unknown request: ${request.command}` }
  return { ok: true, isKept: upkeepSettings(rooms).search_index, status: indexStatus(rooms.db.read, account?.id) }
}
