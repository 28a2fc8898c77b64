/** What a server's EHLO reply offers. RFC 5321 §4.1.1.1. */
import type { Reply } from './contract.ts'

/** Keyword in capitals → its parameters. `AUTH=LOGIN`, as old servers print it, counts as AUTH. */
export function parseKeywords(reply: Reply): ReadonlyMap<string, readonly string[]> {
  const keywords = new Map<string, readonly string[]>()
  for (const line of reply.lines.slice(1)) {
    const [word = '', ...rest] = line.replace(/^AUTH=/i, 'AUTH ').split(/\s+/)
    const name = word.toUpperCase()
    if (name !== '') keywords.set(name, [...(keywords.get(name) ?? []), ...rest])
  }
  return keywords
}
