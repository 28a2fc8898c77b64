/** Notices as this server sends them. */
import { readFileSync } from 'node:fs'
import { formatTraceDate } from '../../formats/message/mod.ts'
import { createNotices, tellOfSession, tellsOfSessions, type Transcript } from '../../mail/notices/mod.ts'
import type { Config } from '../../io/config/mod.ts'
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

/**
 * Takes sessions with errors for the postmaster; undefined where no class of notify_classes is about them.
 * @param protocol in the subject
 */
export function postmasterOf(
  rooms: Rooms,
  side: 'server' | 'client',
  config: Config,
  protocol: 'SMTP' | 'LMTP' = 'SMTP',
): ((transcript: Transcript) => void) | undefined {
  if (!tellsOfSessions(config, side)) return undefined
  const deps = {
    config: () => config,
    intake: () => rooms.current.intake,
    clock: rooms.clock,
    date: formatTraceDate,
    standard: (address: string) => rooms.current.router.standard(address),
    protocol,
  }
  return (transcript) => void tellOfSession(side, transcript, deps)
}
