/** What lies in the queue directory of a Postfix that ran here before. */
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../../io/config/mod.ts'

/** In this order: what came first into a queue goes on from there. */
export const POSTFIX_QUEUES = ['hold', 'deferred', 'active', 'incoming', 'maildrop'] as const
export type PostfixQueue = (typeof POSTFIX_QUEUES)[number]

export interface PostfixFile {
  readonly queue: PostfixQueue
  readonly queueId: string
  readonly path: string
}

/** Directories within directories: hash_queue_depth. */
const DEPTH_LIMIT = 16
const QUEUE_ID = /^[0-9A-Za-z]{6,32}$/

/** Files that are messages; a directory that cannot be read has none. */
export function postfixFiles(queueDirectory: string): PostfixFile[] {
  return POSTFIX_QUEUES.flatMap((queue) =>
    filesBelow(join(queueDirectory, queue), 0).map(({ name, path }) => ({ queue, queueId: name, path })),
  )
}

function filesBelow(directory: string, depth: number): { name: string; path: string }[] {
  if (depth > DEPTH_LIMIT) return []
  let entries: Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch {
    return []
  }
  return entries
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(directory, entry.name)
      if (entry.isDirectory()) return filesBelow(path, depth + 1)
      return entry.isFile() && QUEUE_ID.test(entry.name) ? [{ name: entry.name, path }] : []
    })
}

/** `deferred 3, hold 1`; `''` for nothing. */
export function countsOf(files: readonly PostfixFile[]): string {
  return POSTFIX_QUEUES.map((queue) => [queue, files.filter((file) => file.queue === queue).length] as const)
    .filter(([, n]) => n > 0)
    .map(([queue, n]) => `${queue} ${n}`)
    .join(', ')
}

/** What a start and a check say of it; undefined: there is nothing to say. */
export function postfixQueueNotice(config: Config): string | undefined {
  const directory = config.value('queue_directory') ?? ''
  const files = directory === '' ? [] : postfixFiles(directory)
  if (files.length === 0) return undefined
  const messages = files.length === 1 ? '1 message' : `${files.length} messages`
  return `Postfix's queue in ${directory} holds ${messages} (${countsOf(files)}): take them in with "postigo queue import"`
}

/** The log of a message's deferrals, bounces or deliveries, wherever hash_queue_names and hash_queue_depth put it. */
export function logsOf(queueDirectory: string, kind: 'defer' | 'bounce' | 'trace', queueId: string): string[] {
  const levels = queueId.split('').slice(0, DEPTH_LIMIT)
  return levels
    .map((_, depth) => join(queueDirectory, kind, ...levels.slice(0, depth), queueId))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true)
}

/** The process of Postfix's master(8), while it runs. Throws where that cannot be told. */
export function postfixMaster(queueDirectory: string): number | undefined {
  const file = join(queueDirectory, 'pid/master.pid')
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined
  const pid = Number(readFileSync(file, 'latin1').trim())
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    // One that has ended is there until its parent has asked after it.
    const isMaster = /^Name:\tmaster$/m.test(status) && !/^State:\t[ZX]/m.test(status)
    return isMaster && !hasLetGo(pid) ? pid : undefined
  } catch {
    return undefined
  }
}

/** A process on its way out has no files any more, and with them no lock: to "postfix status" it has gone. */
function hasLetGo(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).length === 0
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ENOENT' // EACCES: another user's
  }
}
