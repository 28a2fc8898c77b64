/** What an application password opens. */
import type { Scope } from './contract.ts'

export const SCOPES: readonly Scope[] = ['smtp', 'imap', 'pop3']

/** Those among the words; others are none. */
export function scopesOf(words: string): Scope[] {
  const given = words.split(/[\s,]+/)
  return SCOPES.filter((scope) => given.includes(scope))
}
