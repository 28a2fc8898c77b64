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

/** Keywords that can be discarded (smtp_discard_ehlo_keywords, smtpd_…), in the order in which Postfix logs them. */
export const DISCARDABLE = [
  '8BITMIME',
  'AUTH',
  'ETRN',
  'PIPELINING',
  'SIZE',
  'STARTTLS',
  'VRFY',
  'XCLIENT',
  'XFORWARD',
  'ENHANCEDSTATUSCODES',
  'DSN',
  'XVERP',
  'SMTPUTF8',
  'CHUNKING',
] as const
