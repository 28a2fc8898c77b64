/** IDLE. RFC 9051 §6.3.13: what happens is told at once, until the client says DONE. */
import { type Cursor, ImapError } from '../../../formats/imap/mod.ts'
import { Bye } from '../errors.ts'
import type { Session } from '../session.ts'

const DONE_LIMIT = 1024

export async function idle(session: Session, cursor: Cursor): Promise<string> {
  cursor.takeEnd()
  await session.tell({ expunges: true, uids: false })
  await session.goAhead('idling')
  const wake = (): void => {
    session.tell({ expunges: true, uids: false }).then(
      () => session.output.flush(),
      (error: unknown) => session.bye(error instanceof Bye ? error.message : 'The mailbox cannot be followed any more'),
    )
  }
  // RFC 5465 §4: exactly what NOTIFY asked for.
  const stops = session.notifications === undefined ? follow(session, wake) : [session.news.listen()]
  try {
    const line = await session.input.line(DONE_LIMIT)
    if (line === undefined) throw new Bye('Connection closed')
    if (line.toString('latin1').trim().toUpperCase() !== 'DONE') throw new ImapError('BAD', 'Expected DONE')
    return 'Idle completed'
  } finally {
    for (const stop of stops) stop?.()
    await session.told
  }
}

/** The selected mailbox, whoever's it is, and annotations of the user's own. */
function follow({ selected, metadataNews, deps, owner }: Session, wake: () => void): ((() => void) | undefined)[] {
  return [selected?.onChange(wake), metadataNews.enabled ? deps.store.onChange(owner, wake) : undefined]
}
