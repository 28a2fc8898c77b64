/** What upkeep needs of a thread's rooms. */
import { storeParams, type StoreSettings } from '../../mail/store/mod.ts'
import type { Rooms } from './rooms.ts'
import type { UpkeepParts } from './upkeep.ts'

export function upkeepParts(rooms: Rooms): UpkeepParts {
  const { db, log, clock, paths } = rooms
  return { db, log, clock, dir: paths.log, settings: upkeepSettings(rooms) }
}

export function upkeepSettings({ current }: Pick<Rooms, 'current'>): StoreSettings {
  return current.config.bind(storeParams)
}
