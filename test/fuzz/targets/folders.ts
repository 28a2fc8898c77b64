/** What is brought in from elsewhere: queue files of Postfix, mbox, names and lists of Maildir. */
import {
  fromLine,
  isInternalData,
  maildirFlags,
  mboxBase,
  MboxScanner,
  mboxText,
  parseCourierUids,
  parseDovecotKeywords,
  parseDovecotUids,
  parseFromLine,
  parseMaildirName,
} from '#src/formats/folders/mod.ts'
import { uidlFormat } from '#src/main/folders/uidl.ts'
import { readFailures, readMessage } from '#src/main/postfix-queue/message.ts'
import { QueueFileError, writeRecord } from '#src/main/postfix-queue/records.ts'
import { cut, target, type Target } from '../target.ts'

const QUEUE_FILE = Buffer.concat(
  (
    [
      ['C', '            140             231               1               0             140               0'],
      ['T', '1795500000 5000'],
      ['A', 'log_ident=3ZQ1'],
      ['A', 'rewrite_context=local'],
      ['S', 'ana@mail.example'],
      ['A', 'dsn_orig_rcpt=rfc822;eva@x'],
      ['A', 'notify_flags=3'],
      ['O', 'eva@x'],
      ['R', 'eva@x.test'],
      ['p', '0'],
      ['M', ''],
      ['N', 'Subject: a'],
      ['N', ''],
      ['L', 'part of a line, '],
      ['N', 'and its end'],
      ['X', ''],
      ['A', 'ret_flags=1'],
      ['E', ''],
    ] as const
  ).map(([type, data]) => writeRecord(type, data)),
)

/** No more can come out than is in it. */
function readQueueFile(octets: Buffer): unknown {
  const message = readMessage(octets)
  const content = message.content.reduce((sum, piece) => sum + piece.length, 0)
  if (content > 3 * octets.length) throw new Error(`${content} octets of ${octets.length}`)
  for (const { address } of message.recipients)
    if (/[\r\n\0]/.test(address)) throw new Error('a line end in an address')
  return { ...message, content: content > 0 }
}

const MBOX =
  'From ana@mail.example  Tue Nov 24 12:05:02 2026\nSubject: a\nStatus: RO\nX-UID: 5\nX-Keywords: b c\n\n>From x\nbody\n\nFrom b Tue Nov 24 12:05 2026 +0100 remote from c\r\nX-IMAPbase: 1 2 k1 k2\r\n\r\nx\r\n'

function readMbox(octets: Buffer): unknown {
  const scanner = new MboxScanner()
  for (const piece of cut(octets)) scanner.push(piece)
  return scanner.end(octets.length).map(({ textOffset, end, from }) => {
    const text = octets.subarray(textOffset, end)
    const printed = fromLine(from.sender, from.dateMs)
    if (/[\r\n]/.test(printed.trimEnd())) throw new Error('a line end in a From_ line')
    return [mboxText(text, 'mboxrd'), mboxText(text, 'mboxo').flags, mboxBase(text), isInternalData(text)]
  })
}

const LISTS = [
  '3 V1275660208 N25022 Gabc\n25006 W1234 P2f6e :1276528487.M1P1.host,S=1\n1 :x\n',
  '1 1275660208 25022\n25006 1276528487.M1\n',
  '0 a\n1 b\n25 z\n',
  'recipient=a@b\nstatus=5.1.1\nreason=no\n\nrecipient=c\n',
  '1276528487.M1P1.host,S=1:2,FRSab',
  'From a b  Tue Nov 24 12:05:02 GMT DST 2026 remote from x',
  '%08Xu%08Xv',
]

function readLists(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const { letters } = parseMaildirName(text)
  return [
    parseDovecotUids(text),
    parseCourierUids(text),
    parseDovecotKeywords(text),
    readFailures(text),
    maildirFlags(letters, ['a']),
    parseFromLine(octets.toString('latin1')),
    uidlFormat(text.slice(0, 200))?.({ uid: 1, uidValidity: 2, file: 'x' }),
  ]
}

export const folderTargets: readonly Target[] = [
  target('queue-file', {
    corpus: [QUEUE_FILE],
    words: ['p\x010', 'p\x0210', 'N\0', 'A\x02b=', 'R\x01a', 'w\x01x', '\xff\xff\xff\xff\x07', 'E\0', 'M\0'],
    errors: [QueueFileError],
    read: readQueueFile,
  }),
  target('mbox', {
    corpus: [MBOX],
    words: ['\nFrom ', '\n>From ', 'X-UID: ', '\nX-IMAP: ', ' Nov ', 'Tue '],
    read: readMbox,
  }),
  target('folder-lists', {
    corpus: LISTS,
    words: [':2,', ' ', ':', 'P', 'V', 'N', '%', '\n', 'Tue Nov 1 '],
    read: readLists,
  }),
]
