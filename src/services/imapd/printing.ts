/** What differs by what a client has enabled: names, flags, and how a message is named. */
import { encodeMailbox } from '../../formats/imap/mod.ts'
import type { Selected } from '../../mail/store/mod.ts'
import { flagRight } from './places.ts'
import type { Session } from './session.ts'
import { withUwPrefix } from './uw-prefix.ts'

/** A mailbox name as this client reads it. */
export function printName(session: Session, name: string): string {
  const called = withUwPrefix(session, name)
  const wire = session.rev2 || session.utf8 ? called : encodeMailbox(called)
  return `"${wire.replace(/["\\]/g, '\\$&')}"`
}

/** `* 3 FETCH (UID 7 FLAGS (\Seen))`. */
export function flagsLine(session: Session, selected: Selected, seq: number, uids: boolean): string {
  const flags = flagsOf(session, selected, seq).join(' ')
  const modSeq = session.condstore ? ` MODSEQ (${selected.modSeqAt(seq)})` : ''
  return `${fetchHead(session, selected, seq)}${uidItem(session, selected, seq, uids)}FLAGS (${flags})${modSeq})`
}

/** `UID 7 `. RFC 7162 §3.2.4: once QRESYNC is enabled every such answer has it; RFC 9586: where it stands in front, none. */
function uidItem({ qresync, uidOnly }: Session, selected: Selected, seq: number, uids: boolean): string {
  return (uids || qresync) && !uidOnly ? `UID ${selected.uidAt(seq)} ` : ''
}

/** `* 3 FETCH (`, or by UID where messages have no numbers (RFC 9586 §3.3). */
export function fetchHead({ uidOnly }: Session, selected: Selected, seq: number): string {
  return uidOnly ? `* ${selected.uidAt(seq)} UIDFETCH (` : `* ${seq} FETCH (`
}

/** IMAP4rev2 knows no \Recent. */
export function flagsOf({ rev2 }: Session, selected: Selected, seq: number): readonly string[] {
  const flags = selected.flagsAt(seq)
  return rev2 && flags.includes('\\Recent') ? flags.filter((flag) => flag !== '\\Recent') : flags
}

const SYSTEM_FLAGS = ['\\Answered', '\\Flagged', '\\Deleted', '\\Seen', '\\Draft']

/** FLAGS and PERMANENTFLAGS: which there are, and which of them this user may change (RFC 4314 §5.1.1). */
export function flagsLines({ rights }: Session, { keywords, readOnly }: Selected): string[] {
  const flags = [...SYSTEM_FLAGS, ...keywords]
  const line = `* FLAGS (${flags.join(' ')})`
  if (readOnly) return [line, '* OK [PERMANENTFLAGS ()] Read-only mailbox']
  const changeable = [...flags, '\\*'].filter((flag) => rights.includes(flagRight(flag)))
  return [
    line,
    `* OK [PERMANENTFLAGS (${changeable.join(' ')})] ${changeable.length > 0 ? 'Flags are kept' : 'No right to change flags'}`,
  ]
}
