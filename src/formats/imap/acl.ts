/** Rights on mailboxes: what SETACL takes, and what ACL, MYRIGHTS and LISTRIGHTS print. RFC 4314 §2, §7. */
import type { Cursor } from './cursor.ts'

/** All rights, in the order in which they are written. */
export const ALL_RIGHTS = 'lrswipkxtea'

/** Letters of ALL_RIGHTS, each once, in its order. */
export type Rights = string

/** Octets of an identifier at the most. */
export const IDENTIFIER_LIMIT = 1000

/** RFC 4314 §2.1.1: what RFC 2086 knew as one right. */
const CREATE = 'kx'
const DELETE = 'te'

export interface RightsChange {
  readonly operation: 'set' | 'add' | 'remove'
  readonly rights: Rights
}

/** Any letters of rights, in any order, `c` and `d` among them; undefined where one is no right. */
export function parseRights(letters: string): Rights | undefined {
  const whole = letters.replaceAll('c', CREATE).replaceAll('d', DELETE)
  for (const letter of whole) if (!ALL_RIGHTS.includes(letter)) return undefined
  return joinRights(whole)
}

/** All rights that stand in any of these. */
export function joinRights(...sets: readonly string[]): Rights {
  const all = sets.join('')
  return Array.from(ALL_RIGHTS)
    .filter((letter) => all.includes(letter))
    .join('')
}

export function withoutRights(rights: Rights, removed: string): Rights {
  return Array.from(rights)
    .filter((letter) => !removed.includes(letter))
    .join('')
}

/** Whether one of these is among the rights. */
export function hasSome(rights: Rights, some: string): boolean {
  return Array.from(some).some((letter) => rights.includes(letter))
}

/** `mod-rights`: rights, with `+` or `-` before them. RFC 4314 §3.1: an unknown one is BAD. */
export function takeRightsChange(cursor: Cursor): RightsChange {
  const text = cursor.takeAString()
  const operation = text.startsWith('+') ? 'add' : text.startsWith('-') ? 'remove' : 'set'
  const rights = parseRights(operation === 'set' ? text : text.slice(1))
  if (rights === undefined) throw cursor.bad('Unknown right')
  return { operation, rights }
}

/** `identifier`, as the client wrote it. */
export function takeIdentifier(cursor: Cursor): string {
  const identifier = cursor.takeAString()
  if (identifier === '' || identifier === '-') throw cursor.bad('Expected an identifier')
  if (Buffer.byteLength(identifier) > IDENTIFIER_LIMIT) throw cursor.bad('The identifier is too long')
  return identifier
}

/** With `c` and `d` for clients of RFC 2086, where any right that they stand for is there. */
export function printRights(rights: Rights): string {
  return `${rights}${hasSome(rights, CREATE) ? 'c' : ''}${hasSome(rights, DELETE) ? 'd' : ''}`
}
