/** What a session hears where a milter cannot be asked: milter_default_action. */
import type { FilterVerdict } from '../../intake/mod.ts'

const reject = (
  code: number,
  enhanced: '4.7.1' | '4.3.5' | '5.5.0' | '5.7.1' | '4.7.0',
  text: string,
): FilterVerdict => ({ action: 'reject', reply: { code, enhanced, lines: [text] } })

export const COMMAND_REJECTED = reject(550, '5.7.1', 'Command rejected')
export const UNAVAILABLE = reject(451, '4.7.1', 'Service unavailable - try again later')
export const SHUTDOWN = reject(421, '4.7.0', 'Server closing connection')
export const MISCONFIGURED = reject(451, '4.3.5', 'Server configuration problem - try again later')
const HOLD: FilterVerdict = { action: 'hold' }

/** undefined: the session goes on. `unknown`: the word is none. */
export function defaultAction(word: string): FilterVerdict | undefined | 'unknown' {
  switch (word.toLowerCase()) {
    case 'accept':
      return undefined
    case 'reject':
      return reject(550, '5.5.0', 'Service unavailable')
    case 'tempfail':
      return UNAVAILABLE
    case 'quarantine':
      return HOLD
    case 'shutdown':
      return SHUTDOWN
    default:
      return 'unknown'
  }
}

/** The milter, or what main.cf says of it, is wrong: it is not the client's doing, so nothing is refused for good. */
export function misconfigured(word: string): FilterVerdict | undefined {
  const action = defaultAction(word)
  return action === undefined || action === HOLD ? action : MISCONFIGURED
}
