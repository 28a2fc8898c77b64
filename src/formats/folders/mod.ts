/**
 * Mail folders of other programs, as text: mbox (UW-IMAP, Postfix, procmail, Dovecot), Maildir and Maildir++ with the lists that
 * Dovecot and Courier keep beside it. Pure: what is read of a disk comes in as octets.
 * Documents: mbox(5), maildir(5), c-client's unix.c, Dovecot's mailbox format pages.
 */
export { fromLine, type FromLine, MONTHS, parseFromLine } from './from-line.ts'
export { type MboxMessage, MboxScanner } from './mbox-scanner.ts'
export { isInternalData, mboxBase, type MboxBase, mboxText, type MboxText, type Quoting } from './mbox-text.ts'
export { toCrlf } from './line-ends.ts'
export { keptFlags, maildirFlags, type MaildirName, parseMaildirName, printMaildirFlags } from './maildir-name.ts'
export {
  parseCourierUids,
  parseDovecotKeywords,
  parseDovecotUids,
  type UidList,
  type UidListEntry,
} from './uid-lists.ts'
