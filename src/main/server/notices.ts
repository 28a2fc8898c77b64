/** Notices as this server sends them. */
import { readFileSync } from 'node:fs'
import { formatTraceDate } from '../../formats/message/mod.ts'
import { createNotices } from '../../mail/notices/mod.ts'
import { type Notify, queueParams } from '../../mail/queue/mod.ts'
import type { Rooms } from './rooms.ts'

export function noticesOf(rooms: Rooms): Notify {
  return createNotices({
    config: () => rooms.current.config,
    intake: () => rooms.current.intake,
    queue: rooms.queue,
    clock: rooms.clock,
    date: formatTraceDate,
    standard: (address) => rooms.current.router.standard(address),
    readFile: (path) => readFileSync(path, 'utf8'),
    timeMs: (name) => rooms.current.config.bind(queueParams)[name],
  })
}
