/** IMAP's words, each command's own grammar. */
import {
  Cursor,
  decodeMailbox,
  encodeMailbox,
  ImapError,
  listMatcher,
  normalise,
  parseAuthUrl,
  parseMessageUrl,
  parseRights,
  printAString,
  printString,
  takeDateTime,
  takeEntryValues,
  takeFetch,
  takeMetadataQuery,
  takeNotify,
  takeRightsChange,
  takeSearch,
  takeSetQuota,
  takeSort,
  takeThread,
} from '#src/formats/imap/mod.ts'
import { target, type Target } from '../target.ts'

const SAVED = { saved: [1, 2, 5] }

/** The first octet chooses the grammar. */
const GRAMMARS: readonly ((cursor: Cursor) => unknown)[] = [
  takeFetch,
  (cursor) => takeSearch(cursor, SAVED),
  (cursor) => takeSort(cursor, SAVED),
  (cursor) => takeThread(cursor, SAVED),
  takeNotify,
  takeMetadataQuery,
  takeEntryValues,
  takeSetQuota,
  takeRightsChange,
  takeDateTime,
  (cursor) => cursor.takeFlags(),
  (cursor) => [cursor.takeTag(), cursor.takeSpace(), cursor.takeAString(), cursor.takeNString()],
  (cursor) => normaliseSet(cursor),
]

function normaliseSet(cursor: Cursor): unknown {
  const search = takeSearch(cursor, SAVED)
  return search.key.key === 'SEQ' ? normalise(search.key.set, 10) : search
}

function readCommand(octets: Buffer): unknown {
  const cursor = new Cursor(octets.subarray(1))
  const read = GRAMMARS[(octets[0] ?? 0) % GRAMMARS.length]?.(cursor)
  cursor.takeEnd()
  return read
}

const CORPUS = [
  '1:*,3 (UID FLAGS BODY.PEEK[1.2.HEADER.FIELDS (Subject "X Y")]<0.100> BINARY.SIZE[1] PREVIEW (LAZY)) (CHANGEDSINCE 5)',
  'RETURN (MIN MAX COUNT SAVE PARTIAL 1:5) CHARSET UTF-8 OR (NOT SEEN TEXT {3+}\r\nabc) FUZZY SUBJECT "a b" 1:4294967295',
  'RETURN (COUNT) (REVERSE DATE SUBJECT) UTF-8 SINCE 1-Feb-2026 LARGER 5 HEADER "Message-ID" <x> $',
  'REFERENCES UTF-8 MODSEQ "/flags/\\\\Seen" all 7 UID 1:3,*:4',
  'SET STATUS (selected (MessageNew (UID) MessageExpunge)) (subtree (a b) (MailboxName)) (personal NONE)',
  '(MAXSIZE 100 DEPTH infinity) (/private/comment "/shared/x")',
  '(/private/comment {2}\r\nab /shared/comment NIL)',
  '(STORAGE 100 MESSAGE 5)',
  '-lrswi',
  '" 1-Feb-2026 10:00:00 +0100"',
  '(\\Seen $Forwarded custom)',
  'a1 "quo\\"ted" NIL',
  '1,2:4,*,9:*',
]

/** A name that was read is printed and read again alike. */
function readMailbox(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const name = decodeMailbox(text)
  if (!name.includes('\ufffd') && decodeMailbox(encodeMailbox(name)) !== name)
    throw new Error(`${JSON.stringify(name)} is printed ${encodeMailbox(name)}`)
  for (const printed of [printAString(name), printString(octets.toString('latin1'))])
    if (printed[0] !== 0x7b && /[\r\n]/.test(printed.toString('latin1')))
      throw new Error('a line end in a quoted string')
  return name
}

/** What stands before the first space is the pattern. */
function match(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const blank = text.indexOf(' ')
  const pattern = (blank < 0 ? text : text.slice(0, blank)).slice(0, 16_384)
  return listMatcher(pattern)(text.slice(blank + 1, blank + 1 + 1000))
}

export const imapTargets: readonly Target[] = [
  target('imap-command', {
    corpus: CORPUS.map((text, i) => String.fromCharCode(i) + text),
    words: [
      '(',
      ')',
      '"',
      '{1}\r\n',
      '{0+}\r\n',
      '~{2}\r\n',
      'OR ',
      'NOT ',
      'FUZZY ',
      '1:*,',
      '1:4294967295,',
      'BODY[',
      '\\',
    ],
    errors: [ImapError],
    read: readCommand,
  }),
  target('imap-mailbox', {
    corpus: ['INBOX', '&AOk-t&AOk-', '~peter/mail/&ZeVnLIqe-/&U,BTFw-', 'a&-b', '../x', '&2D3eAA-', '&AGE-'],
    words: ['&', '-', '&2AA-', '&3AA-', '/', '..', '~', '&AAA-', '%', '*', '&AGEAYgBj-'],
    errors: [ImapError],
    read: readMailbox,
  }),
  target('imap-pattern', {
    corpus: ['*a%b* aaabbb', '%/%/% a/b/c', 'INBOX inbox'],
    words: ['*', '%', '/', 'a'],
    read: match,
  }),
  target('imap-url', {
    corpus: [
      'imap://ana@mail.example/INBOX;UIDVALIDITY=1/;UID=5/;SECTION=1.2;EXPIRE=2026-12-01T00:00:00Z;URLAUTH=submit+ana:internal:' +
        '0'.repeat(34),
      'imap://ana;AUTH=*@mail.example:993/a%20b/;uid=1;urlauth=anonymous:INTERNAL:' + 'f'.repeat(40),
      '/INBOX/;UID=1/;PARTIAL=0.100',
    ],
    words: [';UID=', ';EXPIRE=', ';URLAUTH=', '%', '%00', '%ff', '/', 'imap://', ';', '@', ':', 'submit+'],
    read: (octets) => {
      const text = octets.toString('latin1')
      return [parseAuthUrl(text), text.length > 4096 ? '' : parseMessageUrl(text), parseRights(text)]
    },
  }),
]
