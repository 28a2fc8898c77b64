/** STAT, LIST, UIDL. RFC 1939 §5, §7. */
import { type Command, END, messageNumber, Pop3Error } from '../../../formats/pop3/mod.ts'
import type { Maildrop } from '../maildrop.ts'
import type { Session } from '../session.ts'

/** The table lets these commands through only after a log-in. */
export function maildropOf(session: Session): Maildrop {
  if (session.maildrop === undefined) throw new Pop3Error('Log in first.')
  return session.maildrop
}

export function stat(session: Session): void {
  const { messages, octets } = maildropOf(session).totals
  session.line(`+OK ${messages} ${octets}`)
}

/**
 * Departs from RFC 6856 §2.1: without UTF8 the size is that of the message as it is stored, also where RETR sends a surrogate with
 * fields in ASCII, for else each LIST would read all header sections.
 */
export function list(session: Session, { args }: Command): void {
  const maildrop = maildropOf(session)
  if (args.length > 0) {
    const n = maildrop.check(messageNumber(args[0]))
    session.line(`+OK ${n} ${maildrop.size(n)}`)
    return
  }
  session.line(`+OK ${maildrop.totals.messages} messages:`)
  for (const n of maildrop.numbers()) session.line(`${n} ${maildrop.size(n)}`)
  session.put(END)
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
