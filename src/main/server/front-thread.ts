/** A front thread: told what to serve, it opens its rooms, listens, and answers the main thread's questions. */
import { parentPort, workerData } from 'node:worker_threads'
import { publish } from '#src/base/mod.ts'
import { startMaillog } from '../maillog/maillog.ts'
import { recordPaths } from '../paths/recorder.ts'
import { Front, type FrontStatus } from './front.ts'
import type { ListenerSpec } from './listeners.ts'
import { SystemPasswords } from './system-passwords.ts'
import { openRooms, type RoomsOptions } from './rooms.ts'

export interface FrontData {
  readonly rooms: RoomsOptions
  readonly specs: readonly ListenerSpec[]
  readonly shared: boolean
  /** Main can ask for system passwords. */
  readonly asksSystem: boolean
}

export type ToFront =
  | { readonly ask: 'stop' | 'status' | 'reopen' }
  | { readonly ask: 'reload'; readonly specs: readonly ListenerSpec[]; readonly handed: ReadonlyMap<string, string> }
  | { readonly ask: 'certificates'; readonly handed: ReadonlyMap<string, string> }
  | { readonly ask: 'verified'; readonly id: number; readonly right: boolean | undefined }

export type FromFront =
  | { readonly say: 'ready' }
  | { readonly say: 'failed'; readonly text: string }
  | { readonly say: 'status'; readonly status: FrontStatus }
  | { readonly say: 'reloaded'; readonly error: string | undefined }
  | { readonly say: 'certified'; readonly error: string | undefined }
  | { readonly say: 'reopened'; readonly error: string | undefined }
  | { readonly say: 'verify'; readonly id: number; readonly user: string; readonly password: string }
  | { readonly say: 'stopped' }

const port = parentPort
if (port === null) throw new Error('front-thread.ts runs as a worker only')
const say = (message: FromFront): void => port.postMessage(message)
const data = workerData as FrontData // main.ts hands over nothing else

const rooms = openRooms(data.rooms)
const maillog = startMaillog(rooms.current)
const record = recordPaths(rooms, data.rooms.thread)
const verifying = new SystemPasswords(say)
if (data.asksSystem) rooms.systemPassword = (user, password) => verifying.ask(user, password)
rooms.rates.begin()
const front = new Front(rooms, data.shared)
const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** What went wrong, undefined for nothing: it is the asker's, and no end of this thread. */
function attempt(work: () => void): string | undefined {
  try {
    work()
    return undefined
  } catch (error) {
    return textOf(error)
  }
}

function takeCertificates(handed: ReadonlyMap<string, string>): string | undefined {
  const before = rooms.handed
  rooms.handed = handed
  const problem = attempt(() => front.takeCertificates())
  if (problem !== undefined) rooms.handed = before
  return problem
}

async function reload(
  specs: readonly ListenerSpec[],
  handed: ReadonlyMap<string, string>,
): Promise<string | undefined> {
  const before = rooms.current
  const handedBefore = rooms.handed
  try {
    rooms.handed = handed
    rooms.reload()
    await front.apply(specs)
  } catch (error) {
    rooms.current = before
    rooms.handed = handedBefore
    return textOf(error)
  }
  // The configuration holds by now, whatever becomes of the log.
  const problem = attempt(() => maillog.reload(rooms.current))
  if (problem !== undefined) publish({ event: 'main.warning', text: `maillog_file: ${problem}` })
  return undefined
}

port.on('message', (message: ToFront) => {
  void (async () => {
    if (message.ask === 'status') say({ say: 'status', status: front.status })
    else if (message.ask === 'verified') verifying.answered(message.id, message.right)
    else if (message.ask === 'reopen') say({ say: 'reopened', error: attempt(() => maillog.writer.reopen()) })
    else if (message.ask === 'certificates') say({ say: 'certified', error: takeCertificates(message.handed) })
    else if (message.ask === 'reload') say({ say: 'reloaded', error: await reload(message.specs, message.handed) })
    else {
      await front.stop()
      await rooms.close()
      record.close()
      maillog.close()
      say({ say: 'stopped' })
      port.close()
    }
  })()
})

try {
  await front.apply(data.specs)
  say({ say: 'ready' })
} catch (error) {
  say({ say: 'failed', text: textOf(error) })
}
