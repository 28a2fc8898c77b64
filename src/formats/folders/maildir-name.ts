/** Names of Maildir's files: `1448366702.M1P2.host,S=1234,W=1250:2,RS`. */

export interface MaildirName {
  /** Stays the same when flags change and the file goes from new to cur. */
  readonly unique: string
  readonly letters: string
}

/** The part in front of `:2,` tells a message from all others. Some systems write `;2,` or `!2,`. */
export function parseMaildirName(name: string): MaildirName {
  const [, unique = name, letters = ''] = /^(.*?)[:;!]2,([A-Za-z]*)$/.exec(name) ?? []
  return { unique, letters }
}

const SYSTEM: Readonly<Record<string, string>> = {
  S: '\\Seen',
  R: '\\Answered',
  F: '\\Flagged',
  T: '\\Deleted',
  D: '\\Draft',
  P: '$Forwarded',
}

/** A message has no more. */
const KEPT_LIMIT = 64
const KEYWORD_LIMIT = 100

/** What other programs noted and IMAP can say: system flags, and keywords that are atoms (RFC 9051 §9). */
export function keptFlags(flags: readonly string[]): string[] {
  const isFlag = (flag: string): boolean =>
    Object.values(SYSTEM).includes(flag) || (flag.length <= KEYWORD_LIMIT && /^[!#$&'+-[^-z|}~]+$/.test(flag))
  return flags.filter(isFlag).slice(0, KEPT_LIMIT)
}

/** @param keywords those of dovecot-keywords: `a` is the first */
export function maildirFlags(letters: string, keywords: readonly (string | undefined)[] = []): string[] {
  return [...new Set(letters)].flatMap((letter) => SYSTEM[letter] ?? keywords[letter.charCodeAt(0) - 0x61] ?? [])
}

/** `:2,RS`; keywords get letters by their place in `keywords`, beyond the 26th none. */
export function printMaildirFlags(flags: readonly string[], keywords: readonly string[] = []): string {
  const own = Object.entries(SYSTEM)
    .filter(([, flag]) => flags.some((one) => one.toLowerCase() === flag.toLowerCase()))
    .map(([letter]) => letter)
  const named = keywords.slice(0, 26).flatMap((word, i) => (flags.includes(word) ? String.fromCharCode(0x61 + i) : []))
  return `:2,${[...own.toSorted(), ...named].join('')}`
}
