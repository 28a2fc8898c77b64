/** STAT, LIST, UIDL. RFC 1939 §5, §7. */
import { type Command, END, messageNumber, Pop3Error } from '../../../formats/pop3/mod.ts'
import type { Maildrop } from '../maildrop.ts'
import type { Session } from '../session.ts'
import { shown } from '../shown.ts'

/** The table lets these commands through only after a log-in. */
export function maildropOf(session: Session): Maildrop {
  if (session.maildrop === undefined) throw new Pop3Error('Log in first.')
  return session.maildrop
}

export function stat(session: Session): void {
  const { messages, octets } = maildropOf(session).totals
  session.line(`+OK ${messages} ${octets}`)
}

/** RFC 6856 §2.1: the sizes are those of what RETR sends. */
export async function list(session: Session, { args }: Command): Promise<void> {
  const maildrop = maildropOf(session)
  if (args.length > 0) {
    const n = maildrop.check(messageNumber(args[0]))
    session.line(`+OK ${n} ${await shownSize(session, maildrop, n)}`)
    return
  }
  session.line(`+OK ${maildrop.totals.messages} messages:`)
  const raw = session.utf8 ? undefined : maildrop.withRawHeaders()
  for (const n of maildrop.numbers()) {
    session.line(`${n} ${raw?.has(n) === true ? await shownSize(session, maildrop, n) : maildrop.size(n)}`)
    if (raw?.has(n) === true && !session.flush()) await session.connection.drained()
    if (session.connection.closed) return
  }
  session.put(END)
}

/** Without UTF8, header sections that are not ASCII are sent in another form (shown.ts). */
async function shownSize(session: Session, maildrop: Maildrop, n: number): Promise<number> {
  if (session.utf8 || !maildrop.withRawHeaders().has(n)) return maildrop.size(n)
  try {
    return shown(maildrop, await maildrop.message(n), false).sizeOctets
  } catch (error) {
    if (error instanceof Pop3Error) return maildrop.size(n) // another session removed it
    throw error
  }
}

/** Ids read at once. */
const UIDL_BATCH = 1024

/** The id is the record's own (rule 8 of the log), or what it was elsewhere: the same for ever, whatever becomes of UIDs. */
export async function uidl(session: Session, { args }: Command): Promise<void> {
  const maildrop = maildropOf(session)
  if (args.length > 0) {
    const n = maildrop.check(messageNumber(args[0]))
    const [id] = maildrop.uidls([n])
    if (id === undefined) throw new Pop3Error('Message is gone: another session removed it.')
    session.line(`+OK ${n} ${id}`)
    return
  }
  session.line('+OK')
  const numbers = [...maildrop.numbers()]
  for (let from = 0; from < numbers.length && !session.connection.closed; from += UIDL_BATCH) {
    const batch = numbers.slice(from, from + UIDL_BATCH)
    for (const [i, id] of maildrop.uidls(batch).entries()) if (id !== undefined) session.line(`${batch[i]} ${id}`)
    if (!session.flush()) await session.connection.drained()
    await new Promise(setImmediate) // others have their turn
  }
  session.put(END)
}
