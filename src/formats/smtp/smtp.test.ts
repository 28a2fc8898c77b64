import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  DataReader,
  type DataReaderOptions,
  DataWriter,
  decodeXtext,
  encodeUnitext,
  encodeXtext,
  parseKeywords,
  parseMailParameters,
  parseRcptParameters,
  printReply,
  ReplyReader,
  SmtpError,
} from './mod.ts'

/** Pushes in the given cuts; answers content and what follows the end, undefined while there is none. */
function read(
  text: string,
  cuts: readonly number[] = [],
  options: DataReaderOptions = {},
): { content: string; rest: string | undefined; bare: boolean } {
  const reader = new DataReader(options)
  const octets = Buffer.from(text, 'latin1')
  const content: Buffer[] = []
  let at = 0
  for (const cut of [...cuts, octets.length]) {
    const chunk = octets.subarray(at, Math.min(octets.length, at + cut))
    const piece = reader.push(chunk)
    content.push(...piece.content)
    if (piece.end >= 0) {
      return {
        content: Buffer.concat(content).toString('latin1'),
        rest: octets.toString('latin1', at + piece.end),
        bare: reader.sawBareLf,
      }
    }
    at += chunk.length
  }
  return { content: Buffer.concat(content).toString('latin1'), rest: undefined, bare: reader.sawBareLf }
}

test('data ends at CRLF dot CRLF and nowhere else', () => {
  const table: [string, string, string | undefined][] = [
    ['.\r\n', '', ''],
    ['a\r\n.\r\nQUIT\r\n', 'a\r\n', 'QUIT\r\n'],
    ['a\r\n..b\r\n.\r\n', 'a\r\n.b\r\n', ''],
    ['a\r\n.b\r\n.\r\n', 'a\r\nb\r\n', ''],
    ['a.\r\n.\r\n', 'a.\r\n', ''],
    // smuggling sequences: content, and never an end
    ['a\n.\nMAIL', 'a\r\nMAIL', undefined],
    ['a\n.\r\nMAIL', 'a\r\nMAIL', undefined],
    ['a\r\n.\nMAIL', 'a\r\nMAIL', undefined],
    ['a\r.\r\nMAIL', 'a .\r\nMAIL', undefined],
    ['a\r.\rMAIL', 'a . MAIL', undefined],
    ['a\r\n.\rMAIL', 'a\r\n MAIL', undefined],
    ['a\n\r\n.\r\nMAIL', 'a\r\n\r\n', 'MAIL'],
    ['a\r\r\n.\r\nMAIL', 'a \r\n', 'MAIL'],
    ['a\0\r\n.\0\r\n.\r\n', 'a\0\r\n\0\r\n', ''],
  ]
  for (const [text, content, rest] of table) {
    const got = read(text)
    assert.equal(got.content, content, JSON.stringify(text))
    assert.equal(got.rest, rest, JSON.stringify(text))
    for (let cut = 0; cut <= text.length; cut++) {
      const cutUp = read(text, [cut])
      assert.deepEqual([cutUp.content, cutUp.rest], [content, rest], `${JSON.stringify(text)} cut at ${cut}`)
    }
  }
})

test('any cuts give the same content, the same end and no bare CR or LF', () => {
  const word = fc.constantFrom('.', '\r', '\n', '\r\n', '.\r\n', 'x', '\r\n.\r\n', '\0')
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 4 })), (words, cuts) => {
      const text = words.join('')
      const whole = read(text)
      const cut = read(text, cuts)
      assert.deepEqual([cut.content, cut.rest], [whole.content, whole.rest])
      assert.ok(!/\r(?!\n)|(?<!\r)\n/.test(whole.content), JSON.stringify(whole.content))
    }),
  )
})

test('smtpd_forbid_bare_newline = no: any lone dot ends the data, as before Postfix 3.9', () => {
  const table: [string, string, string | undefined][] = [
    ['a\n.\r\nMAIL', 'a\r\n', 'MAIL'],
    ['a\r\n.\nMAIL', 'a\r\n', 'MAIL'],
    ['a\n.\nMAIL', 'a\r\n', 'MAIL'],
    ['a\r\n.\r\r\nMAIL', 'a\r\n', 'MAIL'],
    ['a\r\r\nb\r\n.\r\n', 'a\r\nb\r\n', ''],
    ['a\r.\r\nb', 'a .\r\nb', undefined],
    ['a\r\n.\rb', 'a\r\n b', undefined],
  ]
  for (const [text, content, rest] of table) {
    for (let cut = 0; cut <= text.length; cut++) {
      const got = read(text, [cut], { strict: false })
      assert.deepEqual([got.content, got.rest], [content, rest], `${JSON.stringify(text)} cut at ${cut}`)
    }
  }
})

test('bare CRs stay where cleanup_replace_stray_cr_lf = no', () => {
  const got = read('a\rb\r\r\nc\n.\rd\r\n.\r\n', [3], { replaceStrayCr: false })
  assert.deepEqual(got, { content: 'a\rb\r\r\nc\r\n\rd\r\n', rest: '', bare: true })
})

test('BDAT has no dots and no end, and its last line ends', () => {
  const table: [string, string][] = [
    ['a\r\n.\r\nb\r\n', 'a\r\n.\r\nb\r\n'],
    ['..a\n.b', '..a\r\n.b\r\n'],
    ['a\r', 'a \r\n'],
    ['a\r\r\n', 'a \r\n'],
    ['', ''],
  ]
  for (const [text, content] of table) {
    for (let cut = 0; cut <= text.length; cut++) {
      const reader = new DataReader({ dots: false })
      const parts = [text.slice(0, cut), text.slice(cut)].flatMap((part) => reader.push(Buffer.from(part)).content)
      const got = Buffer.concat([...parts, ...reader.finish()]).toString('latin1')
      assert.equal(got, content, `${JSON.stringify(text)} cut at ${cut}`)
    }
  }
})

test('what needs no change is passed on as a view', () => {
  const chunk = Buffer.from('one\r\ntwo\r\nthree')
  const { content } = new DataReader().push(chunk)
  assert.equal(content.length, 1)
  assert.equal(content[0]?.buffer, chunk.buffer)
})

test('what the writer sends, the reader gets', () => {
  const word = fc.constantFrom('.', '..', '\r\n', 'a', '.\r\n', '\r\n.')
  fc.assert(
    fc.property(fc.array(word), fc.integer({ min: 1, max: 5 }), (words, size) => {
      const text = words.join('')
      const writer = new DataWriter()
      const sent: Buffer[] = []
      for (let at = 0; at < text.length; at += size) sent.push(...writer.push(Buffer.from(text.slice(at, at + size))))
      sent.push(writer.end())
      const whole = text === '' || text.endsWith('\r\n') ? text : text + '\r\n'
      assert.deepEqual(read(Buffer.concat(sent).toString()), { content: whole, rest: '', bare: false })
    }),
  )
})

test('what is stuffed comes out as it was', () => {
  const line = fc.string({ unit: fc.constantFrom('.', 'a', ' ', '-'), maxLength: 8 })
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const text = lines.map((l) => l + '\r\n').join('')
      const stuffed = lines.map((l) => (l.startsWith('.') ? '.' : '') + l + '\r\n').join('') + '.\r\n'
      assert.deepEqual(read(stuffed + 'NEXT'), { content: text, rest: 'NEXT', bare: false })
    }),
  )
})

test('replies print and parse', () => {
  const reply = { code: 250, enhanced: '2.1.0' as const, lines: ['one', 'two'] }
  assert.equal(printReply(reply), '250-2.1.0 one\r\n250 2.1.0 two\r\n')
  assert.equal(printReply(reply, false), '250-one\r\n250 two\r\n')
  const reader = new ReplyReader()
  assert.deepEqual(reader.push(Buffer.from('250-2.1.0 on')), [])
  assert.deepEqual(reader.push(Buffer.from('e\r\n250 2.1.0 two\r\n354 go')), [
    { ...reply, text: '250-2.1.0 one\n250 2.1.0 two' },
  ])
  assert.deepEqual(reader.push(Buffer.from('\r\n')), [{ code: 354, lines: ['go'], text: '354 go' }])
  assert.throws(() => new ReplyReader().push(Buffer.alloc(70_000, 0x32)), /too long/)
})

test('replies are read as Postfix reads them', () => {
  const table: [octets: string, code: number, enhanced: string | undefined, text: string][] = [
    ['550\r\n', 550, undefined, '550'],
    ['550 \n', 550, undefined, '550 '],
    ['550-5.1.1 a\r\n550-5.1.1 b\r\r\n550 5.1.1 c\r\n', 550, '5.1.1', '550-5.1.1 a\n550-5.1.1 b\n550 5.1.1 c'],
    ['450-4.1.1 a\r\n550 5.1.2 b\r\n', 550, '5.1.2', '450-4.1.1 a\n550 5.1.2 b'],
    ['550 4.1.1 a\r\n', 550, undefined, '550 4.1.1 a'],
    ['550  5.1.1 a\r\n', 550, '5.1.1', '550  5.1.1 a'],
    ['HTTP/1.1 400 Bad\r\n\r\n250 ok\r\n', 250, undefined, 'HTTP/1.1 400 Bad\n\n250 ok'],
    ['250 caf\xe9 \xc3\xa9\x01\t\r\n', 250, undefined, '250 caf? é??'],
    [`250 ${'x'.repeat(5000)}\r\n`, 250, undefined, `250 ${'x'.repeat(2044)}`],
    [`250-${'x'.repeat(2047)}\r\n250-y\r\n250 z\r\n`, 250, undefined, `250-${'x'.repeat(2044)}`],
  ]
  for (const [octets, code, enhanced, text] of table) {
    const reader = new ReplyReader()
    const replies = Array.from(octets, (octet) => reader.push(Buffer.from(octet, 'latin1'))).flat()
    assert.deepEqual(
      replies.map((reply) => [reply.code, reply.enhanced, reply.text]),
      [[code, enhanced, text]],
    )
    assert.ok(reader.idle)
  }
})

test('a reader of replies keeps as much of a line, and of a text, as it is told', () => {
  const [reply] = new ReplyReader(10).push(Buffer.from('250-abcdefghij\r\n250-k\r\n250 l\r\n'))
  assert.deepEqual(reply, { code: 250, lines: ['abcdef', 'k', 'l'], text: '250-abcdef' })
})

test('a reply stays a reply, whatever its text holds', () => {
  assert.equal(printReply({ code: 550, enhanced: '5.1.1', lines: ['a\r\n250 b\0\tc'] }), '550 5.1.1 a??250 b?\tc\r\n')
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 4 }), (lines) => {
      const [reply, ...more] = new ReplyReader().push(Buffer.from(printReply({ code: 250, lines })))
      assert.deepEqual([reply?.code, reply?.lines.length, more], [250, lines.length, []])
    }),
  )
})

test('EHLO keywords, AUTH= among them', () => {
  const keywords = parseKeywords({
    code: 250,
    lines: ['host', 'SIZE 100', 'AUTH PLAIN LOGIN', 'AUTH=CRAM-MD5', 'pipelining'],
  })
  assert.deepEqual(keywords.get('AUTH'), ['PLAIN', 'LOGIN', 'CRAM-MD5'])
  assert.deepEqual(keywords.get('SIZE'), ['100'])
  assert.ok(keywords.has('PIPELINING'))
})

test('xtext', () => {
  for (const text of ['a+b=c', 'ünï', 'x y', '']) assert.equal(decodeXtext(encodeXtext(text)), text)
  for (const text of ['a+2Bb', 'a+2bb']) assert.equal(decodeXtext(text), 'a+b')
  assert.equal(encodeUnitext('\u00fc b=c+\\x{E9}'), '\\x{FC}\\x{20}b\\x{3D}c\\x{2B}\\x{E9}')
  for (const bad of ['a+', 'a+2', 'a=b', 'a b']) assert.equal(decodeXtext(bad), undefined)
})

const offered = { dsn: true, smtpUtf8: true, verp: true, verpFilter: '-=+', verpDefault: '+=' }

test('parameters of MAIL and RCPT', () => {
  assert.deepEqual(parseMailParameters('SIZE=10 BODY=8bitmime SMTPUTF8 RET=HDRS ENVID=a+2Bb', offered), {
    sizeOctets: 10,
    body: '8BITMIME',
    smtpUtf8: true,
    ret: 'HDRS',
    envid: 'a+b',
  })
  assert.equal(parseMailParameters('XVERP', offered).verp, '+=')
  assert.deepEqual(parseRcptParameters('NOTIFY=success,delay ORCPT=rfc822;a+2Bb@c', offered), {
    notify: ['SUCCESS', 'DELAY'],
    orcpt: 'rfc822;a+b@c',
  })
  const wrong: [string, 'mail' | 'rcpt', string][] = [
    ['SIZE=x', 'mail', '501 Bad message size syntax'],
    ['BODY=BINARYMIME', 'mail', '555 Unsupported option: BODY=BINARYMIME'],
    ['SIZE=', 'mail', '501 Bad message size syntax'],
    ['SIZE', 'mail', '555 Unsupported option: SIZE'],
    ['SMTPUTF8=1', 'mail', '555 Unsupported option: SMTPUTF8=1'],
    ['RET=', 'mail', '501 Bad RET parameter syntax'],
    ['RET=FULL RET=HDRS', 'mail', '501 Bad RET parameter syntax'],
    ['ENVID=', 'mail', '501 Bad ENVID parameter syntax'],
    ['ENVID=a+00', 'mail', '501 Bad ENVID parameter syntax'],
    [`ENVID=${'x'.repeat(101)}`, 'mail', '501 Bad ENVID parameter syntax'],
    ['XVERP=ab', 'mail', '501 Error: XVERP needs two characters from -=+'],
    ['NOTIFY=SUCCESS NOTIFY=DELAY', 'rcpt', '501 Error: Bad NOTIFY parameter syntax'],
    ['ORCPT=rfc822;a+0A', 'rcpt', '501 Error: Bad ORCPT parameter syntax'],
    ['ORCPT=rfc822;a ORCPT=rfc822;b', 'rcpt', '501 Error: Bad ORCPT parameter syntax'],
    ['foo', 'rcpt', '555 Unsupported option: foo'],
    ['ENVID=+4', 'mail', '501 Bad ENVID parameter syntax'],
    ['FOO=1', 'mail', '555 Unsupported option: FOO=1'],
    ['NOTIFY=NEVER,SUCCESS', 'rcpt', '501 Error: Bad NOTIFY parameter syntax'],
    ['NOTIFY=', 'rcpt', '501 Error: Bad NOTIFY parameter syntax'],
    ['ORCPT=foo', 'rcpt', '501 Error: Bad ORCPT parameter syntax'],
  ]
  for (const [text, command, expected] of wrong) {
    assert.throws(
      () => (command === 'mail' ? parseMailParameters(text, offered) : parseRcptParameters(text, offered)),
      (error) => error instanceof SmtpError && `${error.reply.code} ${error.message}` === expected,
    )
  }
})
