/** What most sessions are made of. */
import type { Step } from '../player.ts'

export const FROM = 'sender@known.test'
export const TO = 'rcpt@local.test'

/** A transaction up to its recipient. */
export function upToRcpt(from = FROM, to = TO, helo = 'client.example.test'): Step[] {
  return [`EHLO ${helo}`, `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`]
}

/** A whole transaction with a small message. */
export function whole(from = FROM, to = TO, helo = 'client.example.test'): Step[] {
  return [...upToRcpt(from, to, helo), 'DATA', { content: 'Subject: test\r\n\r\ntext' }]
}

export const numbered = <T>(list: readonly T[], name: (one: T, i: number) => string): [string, T][] =>
  list.map((one, i) => [name(one, i), one])
