/** The table of commands: in which state each is allowed. RFC 1939 §§5–7, RFC 2449, RFC 2595, RFC 5034, RFC 6856. */
import type { Command } from '../../../formats/pop3/mod.ts'
import type { Session } from '../session.ts'
import { apop } from './apop.ts'
import { auth } from './auth.ts'
import { capa } from './capa.ts'
import { dele, noop, quit, rset } from './dele.ts'
import { list, stat, uidl } from './list.ts'
import { retr, top } from './retr.ts'
import { stls } from './stls.ts'
import { pass, user } from './user.ts'
import { lang, utf8 } from './utf8.ts'

export interface Row {
  readonly run: (session: Session, command: Command) => void | Promise<void>
  readonly state: 'authorization' | 'transaction' | 'any'
}

export const commands: ReadonlyMap<string, Row> = new Map<string, Row>([
  ['USER', { run: user, state: 'authorization' }],
  ['PASS', { run: pass, state: 'authorization' }],
  ['APOP', { run: apop, state: 'authorization' }],
  ['UTF8', { run: utf8, state: 'authorization' }],
  ['LANG', { run: lang, state: 'any' }],
  ['AUTH', { run: auth, state: 'authorization' }],
  ['STLS', { run: stls, state: 'authorization' }],
  ['CAPA', { run: capa, state: 'any' }],
  ['QUIT', { run: quit, state: 'any' }],
  ['STAT', { run: stat, state: 'transaction' }],
  ['LIST', { run: list, state: 'transaction' }],
  ['UIDL', { run: uidl, state: 'transaction' }],
  ['RETR', { run: retr, state: 'transaction' }],
  ['TOP', { run: top, state: 'transaction' }],
  ['DELE', { run: dele, state: 'transaction' }],
  ['RSET', { run: rset, state: 'transaction' }],
  ['NOOP', { run: noop, state: 'transaction' }],
])
