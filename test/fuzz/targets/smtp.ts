/** SMTP's words: command lines with their paths and parameters, replies, content. */
import { parseMailbox, PathError, printPath, takePath } from '#src/formats/address/mod.ts'
import {
  DataReader,
  DataWriter,
  lineText,
  parseCommand,
  parseKeywords,
  parseMailParameters,
  parseRcptParameters,
  pathArgument,
  printReply,
  ReplyReader,
  SmtpError,
} from '#src/formats/smtp/mod.ts'
import { cut, target, type Target } from '../target.ts'

const OFFERED = { dsn: true, smtpUtf8: true, verp: true, verpFilter: '-=+', verpDefault: '+=' }

function readCommand(octets: Buffer): unknown {
  const text = lineText(octets)
  if (text === undefined) return 'no text'
  const { verb, rest } = parseCommand(text)
  const argument = verb === 'MAIL' ? pathArgument(rest, 'FROM') : pathArgument(rest, 'TO')
  if (argument === undefined) return { verb, rest }
  const path = takePath(argument)
  const printed = printPath(path.address)
  if (/[\r\n]/.test(printed.replace(/\\[\r\n]/g, ''))) throw new Error(`a line end in ${JSON.stringify(printed)}`)
  const parameters = verb === 'MAIL' ? parseMailParameters(path.rest, OFFERED) : parseRcptParameters(path.rest, OFFERED)
  return { verb, path, parameters, mailbox: parseMailbox(path.address) }
}

function readReplies(octets: Buffer): unknown {
  const reader = new ReplyReader()
  const replies = cut(octets).flatMap((piece) => reader.push(piece))
  for (const reply of replies)
    if (/\r(?!\n)|(?<!\r)\n|\0/.test(printReply(reply))) throw new Error('a reply ends a line within')
  return replies.map((reply) => ({ ...reply, keywords: parseKeywords(reply) }))
}

/** What a server may take for the end of the data: any line end around a lone dot. */
const ANY_END = /(?:\r\n|\r|\n|^)\.(?:\r\n|\r|\n|$)/g

/** What came in leaves again in a form that no server reads as two messages. */
function readContent(octets: Buffer, isBdat: boolean): unknown {
  const reader = new DataReader({ dots: !isBdat })
  const content: Buffer[] = []
  let end = -1
  for (const piece of cut(octets)) {
    if (end >= 0) break
    const read = reader.push(piece)
    content.push(...read.content)
    end = read.end
  }
  if (isBdat) content.push(...reader.finish())
  const whole = Buffer.concat(content)
  const writer = new DataWriter()
  const sent = Buffer.concat([...content.flatMap((one) => writer.push(one)), writer.end()]).toString('latin1')
  if (end < 0 && !isBdat) return { end, reader }
  const ends = [...sent.matchAll(ANY_END)].map(({ index }) => index)
  if (ends.length !== 1) throw new Error(`${ends.length} ends of data in ${JSON.stringify(sent)}`)
  if (/\r(?!\n)|(?<!\r)\n/.test(whole.toString('latin1'))) throw new Error('a bare CR or LF is left')
  return { end: Math.min(end, 3), lines: sent.length > 100 }
}

const CONTENT = [
  'Subject: a\r\n\r\nline\r\n..dot\r\n.\r\n',
  'a\n.\r\nMAIL FROM:<x@x>\r\nRCPT TO:<y@y>\r\nDATA\r\nb\r\n.\r\n',
  'a\r\n.\nb\r\n.\r\n',
  'a\r.\r\nb\r\n.\r\n',
  'a\r\n\0.\r\nb\r\n.\r\n',
  '.\r\n',
]
const ENDS = ['\r\n.\r\n', '\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\r.\r\n', '\r\n\0.\r\n', '\r\r\n.\r\r\n']

export const smtpTargets: readonly Target[] = [
  target('smtp-command', {
    corpus: [
      'MAIL FROM:<ana@mail.example> SIZE=1000 BODY=8BITMIME AUTH=<> RET=HDRS ENVID=QQ+3D314159',
      'mail from: <@a.test,@b.test:"ana \\"x\\" y"@mail.example> SMTPUTF8 XVERP=+=',
      'RCPT TO:<eva+box@[IPv6:2001:db8::1]> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;eva+40x',
      'RCPT TO:<u@xn--ls8h.example> ORCPT=utf-8;\\x{e9}@x',
      'RCPT TO:<\xc3\xb1@\xc3\xa1.test> NOTIFY=NEVER',
      'EHLO [192.0.2.1]',
      'RCPT TO:<"a@b"%c!d@e.>',
    ],
    words: ['MAIL FROM:', 'RCPT TO:', '<', '>', '@', '"', '\\', ' SIZE=', ' ORCPT=rfc822;', '+0A', '+', ' AUTH=', '%'],
    errors: [SmtpError, PathError],
    read: readCommand,
  }),
  target('smtp-reply', {
    corpus: [
      '220 mail ESMTP\r\n250-mail\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250-AUTH=LOGIN\r\n250 DSN\r\n',
      '550-5.1.1 No\r\n550 5.1.1 such user\r\n',
      'hello\r\n220 x\r\n',
      '354\n',
      '451 4.3.0\r\n',
    ],
    words: ['250-', '250 ', '5.1.1 ', '\r\n', '\n', '\r', '2.0.0'],
    errors: [],
    read: (octets) => {
      try {
        return readReplies(octets)
      } catch (error) {
        if (error instanceof Error && error.message === 'The reply is too long') return 'too long'
        throw error
      }
    },
  }),
  target('smtp-data', {
    corpus: CONTENT,
    words: [...ENDS, '.', '\r\n', '\r'],
    read: (octets) => readContent(octets, false),
  }),
  target('smtp-bdat', {
    corpus: CONTENT,
    words: [...ENDS, '.', '\r\n', '\r'],
    read: (octets) => readContent(octets, true),
  }),
]
