/** How another server's POP3 called its messages: Dovecot's pop3_uidl_format, which can say UW-IMAP's too. */
import type { UidlFormat } from './contract.ts'

const NAMED: Readonly<Record<string, string>> = { dovecot: '%08Xu%08Xv', uw: '%08xv%08xu', courier: '%f' }

/** RFC 1939 §7. */
const LEGAL = /^[\x21-\x7e]{1,70}$/

/** `dovecot`, `uw`, `none`, or a format: `%u` the UID, `%v` UIDVALIDITY, `%f` the file's name; `%08Xu` in eight digits, which Dovecot writes in small letters. undefined: it is none. */
export function uidlFormat(words: string): UidlFormat | undefined {
  if (words === 'none') return () => undefined
  const format = NAMED[words] ?? words
  if (!format.includes('%') || /%(?!0?[0-9]?[xX]?[uvf])/.test(format)) return undefined
  return ({ uid, uidValidity, file }) => {
    const text = format.replaceAll(
      /%(0?)([0-9]?)([xX]?)([uvf])/g,
      (_, zero: string, width: string, base: string, name) => {
        if (name === 'f') return file
        const number = (name === 'u' ? uid : uidValidity).toString(base === '' ? 10 : 16)
        return number.padStart(Number(width), zero === '' ? ' ' : '0')
      },
    )
    return LEGAL.test(text) ? text : undefined
  }
}
