/** QUIT. RFC 5321 §4.1.1.10. */
import type { Reply } from '../../../formats/smtp/mod.ts'
import type { Session } from '../session.ts'

export function quit(session: Session): Reply {
  session.open = false
  return { code: 221, enhanced: '2.0.0', lines: ['Bye'] }
}
