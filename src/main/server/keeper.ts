/**
 * The data directory open while no server runs, for commands that work on much of it: recovery, upkeep and the control socket
 * as a server has them, but nobody listens and nothing is delivered. It ends when who started it ends.
 */
import { readFileSync } from 'node:fs'
import { endRun, serverLockHolder, ServerRunsError, takeServerLock } from '../../io/db/mod.ts'
import { answerPostfixQueue } from '../postfix-queue/control.ts'
import { type ControlAnswer, type ControlRequest, serveControl } from './control.ts'
import { dataPaths, makeDataDirectory, refuseDamaged } from './data-dir.ts'
import { openMailDatabase } from './database.ts'
import { answerExport } from './export-control.ts'
import { answerImport } from './import-control.ts'
import { answerQueue } from './queue-control.ts'
import { answerSearch } from './search-control.ts'
import { answerTlsReport } from './tls-report-control.ts'
import { recoverData } from './recovery.ts'
import { makeSharedMemory, openRooms, readConfig, type Rooms } from './rooms.ts'
import { answerUndelete } from './undelete-control.ts'
import { Upkeep } from './upkeep.ts'
import { upkeepParts } from './upkeep-parts.ts'

/** Its process is called so. */
export const KEEPER_TITLE = 'postigo-keeper'
/** A keeper whose command was killed ends what it is at; a loaded machine takes its time. */
const ENDING_MS = 10_000
const LOOK_MS = 20

/** Waits a little for a keeper to end: the command that it was for may have ended this moment. Answers who has the data then. */
export async function holderAfterKeeper(dataDir: string): Promise<number | undefined> {
  for (const until = Date.now() + ENDING_MS; ;) {
    const pid = serverLockHolder(dataDir)
    if (pid === undefined || !isKeeper(pid) || Date.now() > until) return pid
    await new Promise((wake) => setTimeout(wake, LOOK_MS))
  }
}

function isKeeper(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim() === KEEPER_TITLE
  } catch {
    return false
  }
}

export interface Keeper {
  stop(): Promise<void>
}

/** Throws ServerRunsError. */
export async function keepData(directory: string): Promise<Keeper> {
  const config = readConfig({ directory })
  const paths = dataPaths(config)
  const holder = await holderAfterKeeper(paths.dir)
  if (holder !== undefined) throw new ServerRunsError(holder)
  refuseDamaged(paths)
  makeDataDirectory(paths)
  openMailDatabase(paths.database).close()
  const lock = takeServerLock(paths.dir, paths.database)
  try {
    const shared = makeSharedMemory()
    const rooms = openRooms({ directory, thread: 0, shared, migrated: true })
    await recoverData(rooms, shared.feed)
    const upkeep = new Upkeep(upkeepParts(rooms))
    upkeep.start()
    const control = await serveControl(paths.control, (request) => answerTools(rooms, request))
    return {
      async stop() {
        control.close()
        await rooms.backups.stop()
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
  if (request.command.startsWith('search-index-')) return answerSearch(rooms, request)
  if (request.command.startsWith('import-')) return answerImport(rooms, request)
  if (request.command.startsWith('export-')) return answerExport(rooms, request)
  if (request.command.startsWith('undelete-')) return answerUndelete(rooms, request)
  if (request.command.startsWith('backup-')) return Promise.resolve(rooms.backups.answer(request))
  if (request.command.startsWith('postfix-queue-')) return answerPostfixQueue(rooms, request)
  if (request.command === 'tls-report') return Promise.resolve(answerTlsReport(rooms, request))
  return answerQueue(rooms, request)
}
