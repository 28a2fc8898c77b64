/** UTF8 and LANG. RFC 6856. */
import { type Command, END, Pop3Error } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'

export function utf8(session: Session, { args }: Command): void {
  if (args.length > 0) throw new Pop3Error('UTF8 has no arguments.')
  session.utf8 = true
  session.line('+OK UTF-8 it is.')
}

/** Answers are in English, which is also what `*`, the administrator's choice, means. */
export function lang(session: Session, { args }: Command): void {
  const [range] = args
  if (args.length > 1) throw new Pop3Error('LANG takes one language.')
  if (range === undefined) {
    session.line('+OK Languages:')
    session.line('en English')
    session.put(END)
    return
  }
  // RFC 4647 §3.3.1: a basic range matches a tag that it is, or is the beginning of.
  if (range !== '*' && range.toLowerCase() !== 'en') throw new Pop3Error('That language is not spoken here.')
  session.line('+OK en English it is.')
}
