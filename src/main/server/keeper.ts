/**
 * The data directory open while no server runs, for commands that work on much of it: recovery, upkeep and the control socket
 * as a server has them, but nobody listens and nothing is delivered. It ends when who started it ends.
 */
import { serverLockHolder, ServerRunsError, takeServerLock, endRun } from '../../io/db/mod.ts'
import { type ControlAnswer, type ControlRequest, serveControl } from './control.ts'
import { dataPaths, makeDataDirectory } from './data-dir.ts'
import { openMailDatabase } from './database.ts'
import { answerImport } from './import-control.ts'
import { answerQueue } from './queue-control.ts'
import { recoverData } from './recovery.ts'
import { makeSharedMemory, openRooms, readConfig, type Rooms } from './rooms.ts'
import { Upkeep } from './upkeep.ts'

export interface Keeper {
  stop(): Promise<void>
}

/** Throws ServerRunsError. */
export async function keepData(directory: string): Promise<Keeper> {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  const holder = serverLockHolder(paths.dir)
  if (holder !== undefined) throw new ServerRunsError(holder)
  makeDataDirectory(paths)
  openMailDatabase(paths.database).close()
  const lock = takeServerLock(paths.dir, paths.database)
  try {
    const shared = makeSharedMemory()
    const rooms = openRooms({ directory, thread: 0, shared, migrated: true })
    await recoverData(rooms, shared.feed)
    const upkeep = new Upkeep(rooms)
    upkeep.start()
    const control = await serveControl(paths.control, (request) => answerTools(rooms, request))
    return {
      async stop() {
        control.close()
        await upkeep.stop()
        await rooms.log.close()
        await endRun(rooms.db)
        rooms.db.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** What tools ask of whoever has the data. */
export function answerTools(rooms: Rooms, request: ControlRequest): Promise<ControlAnswer> {
  return request.command.startsWith('import-') ? answerImport(rooms, request) : answerQueue(rooms, request)
}
