import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { printBodyStructure, printEnvelope } from './mod.ts'
import {
  decodeCharset,
  decodeParts,
  decodeQuotedPrintable,
  decodeWords,
  encodeParts,
  fieldValue,
  foldForSearch,
  formatDate,
  formatInternalDate,
  headerFields,
  parameter,
  parseDate,
  parseParameterised,
  PARTS_LIMIT,
  stripHtml,
  type Structure,
  StructureScanner,
} from '../message/mod.ts'

function scan(text: string | Buffer, cuts: readonly number[] = []): Structure {
  const scanner = new StructureScanner()
  const octets = Buffer.from(text)
  let at = 0
  for (const cut of cuts) {
    scanner.push(octets.subarray(at, at + cut))
    at = Math.min(octets.length, at + cut)
  }
  scanner.push(octets.subarray(at))
  return scanner.end()
}

const lines = (...list: string[]): string => list.join('\r\n') + '\r\n'

const NESTED = lines(
  'From: a@b.example',
  'Subject: outer',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="b"',
  '',
  'preamble',
  '--b',
  '',
  'one',
  'two',
  '--b',
  'Content-Type: text/html; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  '<b>x</b>',
  '--bb',
  'not a boundary',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'From: Inner <i@n.example>',
  'Content-Type: multipart/alternative; boundary=b2',
  '',
  '--b2',
  '',
  'plain',
  '--b2--',
  'epilogue',
  '--b--',
  'the end',
)

test('BODYSTRUCTURE of a nested message', () => {
  const { root } = scan(NESTED)
  assert.equal(
    printBodyStructure(root, false).toString(),
    '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 8 1)' +
      '("text" "html" ("charset" "utf-8") NIL NIL "quoted-printable" 30 2)' +
      '("message" "rfc822" NIL NIL NIL "7bit" 126 ' +
      '(NIL "inner" (("Inner" NIL "i" "n.example")) (("Inner" NIL "i" "n.example")) (("Inner" NIL "i" "n.example")) NIL NIL NIL NIL NIL) ' +
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 5 0) "alternative") 8) "mixed")',
  )
})

test('bodies are the octets between the boundaries', () => {
  const { root } = scan(NESTED)
  const body = (...path: number[]): string => {
    const part = path.reduce((p, n) => p.children[n]!, root)
    return NESTED.slice(part.bodyFrom, part.bodyTo)
  }
  assert.equal(body(0), 'one\r\ntwo')
  assert.equal(body(1), '<b>x</b>\r\n--bb\r\nnot a boundary')
  assert.equal(body(2, 0, 0), 'plain')
  assert.match(body(2), /^Subject: inner[^]*epilogue$/)
})

test('any cuts give the same tree', () => {
  const whole = JSON.stringify(decodeParts(encodeParts(scan(NESTED).root)))
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 })), (cuts) => {
      assert.equal(JSON.stringify(decodeParts(encodeParts(scan(NESTED, cuts).root))), whole)
    }),
  )
})

test('any octets give a tree, alike in any cuts, within bounds', () => {
  const word = fc.constantFrom(
    '--b',
    '--b--',
    '\r\n',
    '\n',
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Type: message/rfc822',
    'a: b',
    ' x',
    'text',
    '--',
    '\r\n\r\n',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 40 }), fc.array(fc.integer({ min: 0, max: 9 })), (words, cuts) => {
      const text = words.join('')
      const one = scan(text)
      const two = scan(text, cuts)
      assert.equal(printBodyStructure(one.root, true).toString(), printBodyStructure(two.root, true).toString())
      assert.deepEqual(encodeParts(one.root), encodeParts(two.root))
      assert.equal(one.sizeOctets, text.length)
    }),
    { numRuns: 300 },
  )
})

test('broken mail reads sensibly', () => {
  const type = (text: string): string => {
    const { root } = scan(text)
    return `${root.type}/${root.subtype} ${root.children.map((c) => `${c.type}/${c.subtype}`).join(' ')}`.trim()
  }
  const table: [string, string][] = [
    ['', 'text/plain'],
    ['no header at all', 'text/plain'],
    ['Content-Type: rubbish\r\n\r\nx', 'text/plain'],
    ['Content-Type: multipart/mixed\r\n\r\nx', 'text/plain'],
    ['Content-Type: multipart/mixed; boundary=b\r\n\r\nno parts', 'multipart/mixed text/plain'],
    ['Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nunterminated', 'multipart/mixed text/plain'],
    ['Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbare\n--b--\n', 'multipart/mixed text/plain'],
    [
      'Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\ny\r\n--b--',
      'multipart/digest message/rfc822',
    ],
    ['Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA', 'application/octet-stream'],
  ]
  for (const [text, expected] of table) assert.equal(type(text), expected, JSON.stringify(text))
})

test('ten thousand parts and a hundred levels are bounded', () => {
  const many = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n' + '--b\r\n\r\n\r\n'.repeat(PARTS_LIMIT + 10)
  assert.ok(scan(many).root.children.length <= PARTS_LIMIT)
  let deep = ''
  for (let i = 0; i < 200; i++) deep += `Content-Type: multipart/mixed; boundary=b${i}\r\n\r\n--b${i}\r\n`
  let depth = 0
  for (let part = scan(deep).root; part.children[0] !== undefined; part = part.children[0]) depth++
  assert.ok(depth > 50 && depth <= 101)
})

test('ENVELOPE', () => {
  const envelope = (...list: string[]): string => printEnvelope(headerFields(Buffer.from(lines(...list)))).toString()
  assert.equal(
    envelope(
      'Date: x',
      'From: "A, B" <a@b.example>, c@d (Comment)',
      'To: undisclosed: ;',
      'Subject: a',
      ' folded "q"',
      'Message-ID: <1@x>',
    ),
    '("x" "a folded \\"q\\"" (("A, B" NIL "a" "b.example")("Comment" NIL "c" "d")) (("A, B" NIL "a" "b.example")("Comment" NIL "c" "d")) ' +
      '(("A, B" NIL "a" "b.example")("Comment" NIL "c" "d")) ((NIL NIL "undisclosed" NIL)(NIL NIL NIL NIL)) NIL NIL NIL "<1@x>")',
  )
  assert.equal(envelope('Subject: ñ'), '(NIL {2}\r\nñ NIL NIL NIL NIL NIL NIL NIL NIL)')
})

test('dates', () => {
  const table: [string, string | undefined, string?][] = [
    ['Tue, 24 Nov 2026 09:04:28 +0100', '2026-11-24T08:04:28.000Z', '2026-11-24'],
    ['24 Nov 26 23:30 EST', '2026-11-25T04:30:00.000Z', '2026-11-24'],
    ['Tue, 3 Feb 1998 00:00:00 GMT (comment)', '1998-02-03T00:00:00.000Z', '1998-02-03'],
    ['1 Jan 99 0:00 -0000', '1999-01-01T00:00:00.000Z', '1999-01-01'],
    ['yesterday', undefined],
    ['40 Jan 2026', undefined],
  ]
  for (const [text, iso, day] of table) {
    const date = parseDate(text)
    assert.equal(date && new Date(date.ms).toISOString(), iso, text)
    if (date !== undefined) assert.equal(new Date(date.day * 86_400_000).toISOString().slice(0, 10), day)
  }
  const now = Date.UTC(2026, 10, 4, 9, 4, 28)
  assert.equal(parseDate(formatDate(now))?.ms, now)
  assert.match(formatInternalDate(now), /^[ \d]\d-Nov-2026 \d\d:\d\d:28 [+-]\d{4}$/)
})

test('encoded words and parameters', () => {
  assert.equal(decodeWords('=?utf-8?Q?a=C3?= =?utf-8?Q?=B1o?= x'), 'año x')
  assert.equal(decodeWords('=?iso-2022-jp?B?GyRCRnxLXBsoQg==?='), '日本')
  assert.equal(decodeWords('a =?x?q?b?= c'), 'a b c')
  assert.equal(decodeWords('=?broken'), '=?broken')
  const { parameters } = parseParameterised(`attachment; filename*0*=utf-8''a%C3%B1; filename*1=o.txt; x="q\\"x;y"`)
  assert.equal(parameter(parameters, 'filename'), 'año.txt')
  assert.equal(parameter(parameters, 'x'), 'q"x;y')
  assert.equal(decodeCharset(Buffer.from([0x82]), 'cp437'), 'é')
  assert.equal(decodeCharset(Buffer.from([0xe9]), 'us-ascii'), 'é')
})

test('quoted-printable, HTML and folding', () => {
  assert.equal(decodeQuotedPrintable(Buffer.from('a=3Db=\r\nc  \r\nd=ZZ=')).toString(), 'a=bc\r\nd=ZZ')
  assert.equal(stripHtml('<p>a<b>b</b>&amp;&#241;</p><script>x</script><style>y').replace(/\s+/g, ' ').trim(), 'ab&ñ')
  assert.equal(foldForSearch('JOSÉ Straße'), foldForSearch('jose\u0301 STRASSE'))
})

test('fields unfold; what is no field is passed over', () => {
  const fields = headerFields(Buffer.from('A: 1\r\n 2\r\nrubbish\r\nB : x\r\n: y\r\n\r\n'))
  assert.deepEqual(
    fields.map((f) => [f.name, fieldValue(f)]),
    [
      ['a', '1 2'],
      ['b', 'x'],
    ],
  )
})

test('odd headers have one answer: 8-bit ones, nested encoded words, RFC 2231 pieces, folded everything', () => {
  const table: readonly [string, string, string][] = [
    [
      'Subject: caf\xe9 \xc3\xb1\r\nFrom: Jos\xe9 <a@b.c>\r\n\r\nx',
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)',
      `(NIL {10}\r\ncafé Ã± (({5}\r\nJosé NIL "a" "b.c")) (({5}\r\nJosé NIL "a" "b.c")) (({5}\r\nJosé NIL "a" "b.c")) NIL NIL NIL NIL NIL)`,
    ],
    [
      'Subject: =?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?= =?utf-8?B?w7E=?=\r\n\r\nx',
      '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0 NIL NIL NIL NIL)',
      '(NIL "=?utf-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?= =?utf-8?B?w7E=?=" NIL NIL NIL NIL NIL NIL NIL NIL)',
    ],
    [
      `Content-Type: application/pdf;\r\n name*0*=utf-8''%C3%B1;\r\n name*1="a b"\r\nContent-Disposition: attachment;\r\n filename*1=world;\r\n filename*0=hello\r\n\r\nx`,
      `("application" "pdf" ("name*0*" "utf-8''%C3%B1" "name*1" "a b") NIL NIL "7bit" 1 NIL ("attachment" ("filename*1" "world" "filename*0" "hello")) NIL NIL)`,
      '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)',
    ],
    [
      'Subject:\n folded\n\t\n everything\nTo\t:\n <\n a\n @\n b.c\n >\nContent-Type\n : text\n /\n html\n ;\n charset\n =\n "x"\n\nbody',
      '("text" "html" ("charset" "x") NIL NIL "7bit" 4 0 NIL NIL NIL NIL)',
      '(NIL "folded\t everything" NIL NIL NIL ((NIL NIL "a" "b.c")) NIL NIL NIL NIL)',
    ],
    [
      'Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\none\r\n--ab--',
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 3 0 NIL NIL NIL NIL) "mixed" ("boundary*0" "a" "boundary*1" "b") NIL NIL NIL)',
      '(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)',
    ],
    [
      'From: a@b\r\nno colon here\r\nContent-Type: text/plain; charset="utf-8\r\nMessage-ID: <a b@c\r\n\r\n',
      '("text" "plain" ("charset" "utf-8") NIL NIL "7bit" 0 0 NIL NIL NIL NIL)',
      '(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) ((NIL NIL "a" "b")) NIL NIL NIL NIL "<a b@c")',
    ],
  ]
  for (const [text, structure, envelope] of table) {
    const scanner = new StructureScanner()
    scanner.push(Buffer.from(text, 'latin1'))
    const { fields, root } = scanner.end()
    assert.equal(printBodyStructure(root, true).toString(), structure, text)
    assert.equal(printEnvelope(fields).toString(), envelope, text)
  }
})
