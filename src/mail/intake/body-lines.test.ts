import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BodyLines } from './body-lines.ts'

function lines(text: string, step: number): string {
  const body = new BodyLines()
  const out: Buffer[] = []
  const octets = Buffer.from(text, 'latin1')
  for (let at = 0; at < octets.length; at += step) out.push(body.push(octets.subarray(at, at + step)))
  return Buffer.concat([...out, body.end()]).toString('latin1')
}

test('lines of any end come out with CRLF, the last one too', () => {
  for (const [text, expected] of [
    ['', ''],
    ['a', 'a\r\n'],
    ['a\n', 'a\r\n'],
    ['a\r\n', 'a\r\n'],
    ['a\n\nb', 'a\r\n\r\nb\r\n'],
    ['\r\n\n\r', '\r\n\r\n\r\r\n'],
    ['a\rb\r\nc', 'a\rb\r\nc\r\n'],
  ] as const)
    for (const step of [1, 2, 100]) assert.equal(lines(text, step), expected, JSON.stringify(text))
})

test('however a body is cut, the same comes out', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('a', '\r', '\n', '\r\n', '.')),
      fc.integer({ min: 1, max: 5 }),
      (parts, step) => {
        const text = parts.join('')
        const whole = lines(text, text.length + 1)
        assert.equal(lines(text, step), whole)
        assert.equal(lines(whole, step), whole)
      },
    ),
  )
})
