/** Messages made to cost more than they weigh, and sections at their limits. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodeParts, HEADER_LIMIT, stripHtml, type Structure, StructureScanner } from './mod.ts'

function scan(text: string, chunk = text.length): Structure {
  const scanner = new StructureScanner()
  const octets = Buffer.from(text)
  for (let at = 0; at < octets.length; at += chunk) scanner.push(octets.subarray(at, at + chunk))
  return scanner.end()
}

/** A quadratic reader takes minutes for these. */
function isQuick(name: string, work: () => unknown): void {
  const before = performance.now()
  work()
  assert.ok(performance.now() - before < 3000, name)
}

test('a megabyte of anything in a MIME field is read in a moment', () => {
  for (const field of ['Content-Transfer-Encoding', 'Content-Type', 'Content-Disposition', 'Content-Language'])
    for (const unit of ['(', ')', '"', ';', 'a=', '\\', ', ', '/', "*'"])
      isQuick(`${field} ${unit}`, () => scan(`${field}: x${unit.repeat(1_000_000 / unit.length)}\r\n\r\nx`))
})

test('a megabyte of anything is stripped in a moment', () => {
  for (const unit of ['<', '<!--', '<script>', '</script ', '<b', '&', '&#', '<a>', '<style>x</'])
    isQuick(unit, () => stripHtml(unit.repeat(1_000_000 / unit.length)))
})

test('a header line that comes an octet at a time costs no more', () => {
  isQuick('header', () => scan(`X: ${'a'.repeat(400_000)}\r\n\r\nx`, 1))
})

test('a header section ends at its limit to the octet, wherever it is cut', () => {
  const long = `X: ${'a'.repeat(HEADER_LIMIT + 1000)}\r\nContent-Type: text/html\r\n\r\nx`
  for (const chunk of [long.length, 65_536, 9_999]) {
    const { root } = scan(long, chunk)
    assert.deepEqual([root.bodyFrom, root.bodyTo, root.subtype], [HEADER_LIMIT, long.length, 'plain'])
  }
})

test('a boundary line with blanks beyond the limit is none, wherever it is cut', () => {
  const text = (blanks: number): string =>
    `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b${' '.repeat(blanks)}\r\n\r\nx\r\n--b--\r\n`
  for (const blanks of [0, 1990, 1994, 1995, 1996, 1997, 2000, 5000])
    for (const chunk of [1, 7, 1000])
      assert.deepEqual(encodeParts(scan(text(blanks), chunk).root), encodeParts(scan(text(blanks)).root), `${blanks}`)
})

test('comments in Content-Transfer-Encoding go, and only they', () => {
  const encoding = (value: string): string => scan(`Content-Transfer-Encoding: ${value}\r\n\r\nx`).root.encoding
  assert.equal(encoding('(c) BASE64 (d)'), 'base64')
  assert.equal(encoding('quoted-printable (a (b) c)'), 'quoted-printable')
  assert.equal(encoding('(only)'), '7bit')
  assert.equal(encoding(''), '7bit')
})

test('HTML reads as its text', () => {
  const table: [string, string][] = [
    ['a<b>b</b>c', 'abc'],
    ['<p>a</p><p>b', 'a b'],
    ['a<br/>b', 'a b'],
    ['a<script>x<y</script>b', 'a b'],
    ['a<STYLE type="x">p{}</STYLE >b', 'a b'],
    ['a<!-- <b> > -->b', 'a b'],
    ['a<!-- b', 'a'],
    ['a &lt;b&gt; &#241;&#xF1; &amp;amp; &nosuch; &#0;', 'a <b> ññ &amp; &nosuch; &#0;'],
    ['a<script>b', 'a'],
    ['1 < 2', '1'],
  ]
  for (const [html, text] of table) assert.equal(stripHtml(html).replace(/\s+/g, ' ').trim(), text, html)
})

test('any HTML gives a text', () => {
  const unit = fc.constantFrom('<', '>', '/', 'b', 'script', 'style', '!--', '--', '&', 'amp;', '#x', ' ', 'ñ')
  fc.assert(fc.property(fc.string({ unit, maxLength: 40 }), (html) => typeof stripHtml(html) === 'string'))
})
