import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuotedPrintableEncoder } from './quoted-printable.ts'
import { decodeQuotedPrintable } from './transfer.ts'

const encoded = (...pieces: readonly (readonly [text: string, ends: boolean])[]): string => {
  const encoder = new QuotedPrintableEncoder()
  return pieces.map(([text, ends]) => encoder.push(Buffer.from(text), ends).toString()).join('')
}

test('a line at a time, as Postfix makes them', () => {
  const table: readonly (readonly [string, string])[] = [
    ['', '\r\n'],
    ['a = b', 'a =3D b\r\n'],
    ['caf\u00e9', 'caf=C3=A9\r\n'],
    ['blank ', 'blank=20\r\n'],
    ['tab\t', 'tab=09\r\n'],
    [' ', '=20\r\n'],
    ['x'.repeat(73), `${'x'.repeat(73)}\r\n`],
    ['x'.repeat(74), `${'x'.repeat(73)}=\r\nx\r\n`],
    ['\u00e9'.repeat(14), `${'=C3=A9'.repeat(12)}=C3=\r\n=A9=C3=A9\r\n`],
  ]
  for (const [line, expected] of table) assert.equal(encoded([line, true]), expected)
  assert.equal(encoded(['a ', false], ['b', true]), 'a b\r\n')
  assert.equal(encoded(['a ', false], ['', true]), 'a =\r\n\r\n')
})

test('what comes out can be read again, in short lines', () => {
  const line = fc
    .uint8Array({ maxLength: 300 })
    .map((octets) => Buffer.from(octets.filter((o) => o !== 10 && o !== 13)))
  fc.assert(
    fc.property(fc.array(line), fc.integer({ min: 1, max: 50 }), (lines, step) => {
      const encoder = new QuotedPrintableEncoder()
      const out: Buffer[] = []
      for (const text of lines) {
        for (let at = 0; at + step < text.length; at += step)
          out.push(encoder.push(text.subarray(at, at + step), false))
        const done = Math.max(0, Math.ceil(text.length / step) - 1) * step
        out.push(encoder.push(text.subarray(done), true))
      }
      const all = Buffer.concat(out)
      assert.ok(
        all
          .toString('latin1')
          .split('\r\n')
          .every((one) => one.length <= 76 && !/[ \t]$/.test(one)),
      )
      const plain = Buffer.concat(lines.map((text) => Buffer.concat([text, Buffer.from('\r\n')])))
      assert.deepEqual(decodeQuotedPrintable(all), plain)
    }),
  )
})
