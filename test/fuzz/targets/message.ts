/** Messages: header sections, MIME, what is made of them for IMAP, words, dates, addresses. */
import {
  foldAddress,
  parseAddressList,
  printMailbox,
  replaceAddresses,
  toAscii,
  toUnicode,
} from '#src/formats/address/mod.ts'
import { printBodyStructure, printEnvelope } from '#src/formats/imap/mod.ts'
import {
  asciiHeader,
  baseSubject,
  decodeCharset,
  decodeParts,
  decodeQuotedPrintable,
  decodeBase64Body,
  decodeWords,
  encodeParts,
  encodeWords,
  fieldValue,
  foldForSearch,
  headerFields,
  listedFields,
  parseDate,
  parseParameterised,
  saysTlsNotRequired,
  stripHtml,
  StructureScanner,
  withoutNul,
} from '#src/formats/message/mod.ts'
import { addressList, quote, split, splitExtension, unquote } from '#src/mail/routing/syntax.ts'
import { rewriteField } from '#src/main/server/header-rewriting.ts'
import { standardForm } from '#src/mail/routing/rewrite.ts'
import { cut, target, type Target } from '../target.ts'

const NESTED = `From: "A, b" <ana@mail.example>\r\nTo: grp: a@b, "c d"@e;, f@g\r\nSubject: =?utf-8?B?w7E=?= =?iso-8859-1?q?a_=E9?=\r\nContent-Type: multipart/mixed; boundary="b;1"; x*0*=utf-8''%C3; x*1=a\r\n\r\npre\r\n--b;1\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/alternative; boundary=b2\r\n\r\n--b2\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-8\r\n\r\nw7E=\r\n--b2--\r\n--b;1\r\nContent-Disposition: attachment; filename*=utf-8'es'%C3%B1.txt\r\nContent-ID: <x@y>\r\n\r\n\0bin\r\n--b;1--\r\nepi\r\n`

/** In any cuts the same tree; what is printed of it holds no line end that is not a literal's. */
function readMessage(octets: Buffer): unknown {
  const [scanner, other] = [new StructureScanner(), new StructureScanner()]
  scanner.push(octets)
  for (const piece of cut(octets)) other.push(piece)
  const [whole, pieces] = [scanner.end(), other.end()]
  const packed = encodeParts(whole.root)
  if (!packed.equals(encodeParts(pieces.root))) throw new Error('cut in two it is another tree')
  decodeParts(packed)
  const printed = [printBodyStructure(whole.root, true), printEnvelope(whole.fields)]
  for (const one of printed) checkLiterals(one)
  listedFields(whole.fields)
  return printed.map((one) =>
    one
      .toString('latin1')
      .replace(/"[^"]*"|\d+/g, '')
      .slice(0, 60),
  )
}

/** CR, LF and NUL stand in literals only (RFC 9051 §4.3). */
function checkLiterals(octets: Buffer): void {
  for (let at = 0; at < octets.length; at++) {
    const c = octets[at]
    if (c === 0x7b) {
      const [head, length] = /^\{(\d+)\}\r\n/.exec(octets.toString('latin1', at, at + 24)) ?? []
      if (head !== undefined) at += head.length + Number(length) - 1
    } else if (c === 0x22) {
      for (at++; octets[at] !== 0x22; at++) {
        if (at >= octets.length || octets[at] === 13 || octets[at] === 10 || octets[at] === 0)
          throw new Error('a line end or NUL in a quoted string')
        if (octets[at] === 0x5c) at++
      }
    } else if (c === 13 || c === 10 || c === 0) throw new Error('a line end or NUL outside a literal')
  }
}

function readHeader(octets: Buffer): unknown {
  const fields = headerFields(octets)
  const values = fields.map(fieldValue)
  for (const value of values) {
    const words = decodeWords(value)
    foldForSearch(words)
    baseSubject(words)
    parseParameterised(value)
    parseDate(value)
  }
  asciiHeader(octets)
  saysTlsNotRequired(octets)
  return fields.map(({ name }) => name.toLowerCase())
}

function readText(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const encoded = encodeWords(text)
  if (/[^\t\r\n -~]/.test(encoded)) throw new Error('not ASCII')
  for (const charset of ['utf-8', 'iso-2022-jp', 'utf-7', 'gb18030', 'big5', 'utf-16', 'shift_jis'])
    decodeCharset(octets, charset)
  return [stripHtml(text), decodeQuotedPrintable(octets), decodeBase64Body(octets), withoutNul(octets)]
}

const REWRITE = { append_at_myorigin: true, append_dot_mydomain: true, swap_bangpath: true, allow_percent_hack: true }
const DELIMITERS = { recipient_delimiter: '+-', owner_request_special: true, double_bounce_sender: 'double-bounce' }

function readAddresses(octets: Buffer): unknown {
  const text = octets.toString('utf8')
  const items = parseAddressList(text)
  const replaced = replaceAddresses(
    text,
    items.map((item) => ({ item, text: 'x@y' })),
  )
  const list = addressList(text, 1000)
  for (const address of list.slice(0, 50)) {
    const form = standardForm(address, REWRITE, { origin: 'origin.test', domain: 'domain.test' })
    if (split(form).domain === undefined && form !== '') throw new Error(`${form} has no domain`)
    splitExtension(split(form).local, DELIMITERS)
    unquote(quote(form))
    toUnicode(toAscii(split(form).domain ?? ''))
    foldAddress(form)
  }
  printMailbox(text.slice(0, 2000), 'a@b')
  return [items, replaced.includes('x@y')]
}

/** As for a client of our own: addresses completed, source routes gone. */
async function rewriteHeader(octets: Buffer): Promise<unknown> {
  const router = { rewriteHeaderAddress: (address: string) => Promise.resolve(address.toUpperCase()) }
  const raw = Buffer.concat([Buffer.from('To: '), octets])
  const made = await rewriteField({ name: 'to', raw }, router)
  return [made.length === raw.length, made.toString('latin1').includes('@')]
}

export const messageTargets: readonly Target[] = [
  target('mime', {
    corpus: [
      NESTED,
      'Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\nSubject: a\r\n\r\nb\r\n--x--',
      'a\nb: c\n\nd',
    ],
    words: [
      '--b2\r\n',
      '--b;1\r\n',
      'Content-Type: message/rfc822\r\n\r\n',
      'Content-Type: multipart/mixed; boundary=',
      '\r\n\r\n',
      '--',
      '=?utf-8?q?',
    ],
    read: readMessage,
  }),
  target('header', {
    corpus: [
      NESTED.slice(0, NESTED.indexOf('\r\n\r\n') + 4),
      'Subject: Re: [a] (fwd) Fwd: =?utf-8*es?Q?x=20?=\r\n =?utf-8?q?y?=\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000 (UTC)\r\nReceived: from a (b [1.2.3.4])\r\n\tby c; Tue, 24 Nov 2026 10:00:00 GMT\r\nTLS-Required: No\r\nFrom: \xc3\xb1 <\xc3\xb1@x>\r\n\r\n',
    ],
    words: [
      '=?',
      '?=',
      '=?utf-8?b?',
      '?q?',
      '=20',
      '(',
      ')',
      '[',
      ']',
      'Re: ',
      'Fwd: ',
      '\r\n ',
      '%41',
      "*0*=utf-8''",
      ';',
      '"',
      ': ',
    ],
    read: readHeader,
  }),
  target('header-rewriting', {
    corpus: ['a@b, <@r,@s:c@d>, "x" <e@f>, grp: g@h;\r\n', '@a:b@c,@d,@e:f@g\r\n', '\xc3\xb1@x (c), z\r\n'],
    words: ['@a:b@c,', '@', ':', ',', '<', '>', '"', '(', ')', ';', '\\', '\r\n '],
    read: rewriteHeader,
  }),
  target('text', {
    corpus: [
      '<p>a&amp;b<script>x</script><!-- c --></p>',
      'a=20b=\r\nc',
      'w7E=\r\n',
      '\x1b$B$"\x1b(B',
      '+AGE-',
      '\xa4\x40',
      '\x81\x30\x81\x30',
    ],
    words: ['<', '<!--', '-->', '<script', '</script>', '&', '&#x', ';', '=', '=\r\n', '\x1b$B', '\x1b(B', '+', '&lt;'],
    read: readText,
  }),
  target('address', {
    corpus: [
      '"A, b" <ana@mail.example>, grp: a@b, "c d"@e;, (comment (nested)) f . g@h.i, <@r1,@r2:u@v>',
      'a%b@c, d!e!f, g@[127.0.0.1], "x\\"y"@z., \xc3\xb1@\xc3\xa1.test, owner-x-request@y, u+a+b@c',
      '|"/bin/x a", :include:/x, /file, \\user',
    ],
    words: ['<', '>', '(', ')', '"', ',', ';', ':', '@', '\\', '!', '%', '[', ']', '..', 'xn--', '+', '\xe3\x80\x82'],
    read: readAddresses,
  }),
]
