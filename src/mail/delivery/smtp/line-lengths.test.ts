import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LineBreaker } from './line-lengths.ts'

function broken(limit: number, pieces: readonly string[]): { out: string; told: number } {
  let told = 0
  const breaker = new LineBreaker(limit, () => told++)
  const parts = pieces.flatMap((piece) => breaker.push(Buffer.from(piece, 'latin1')))
  return { out: Buffer.concat([...parts, ...breaker.end()]).toString('latin1'), told }
}

test('lines are broken where they are longer than the limit, and not before', () => {
  const table: [string, string][] = [
    ['', ''],
    ['abcde\r\n', 'abcde\r\n'],
    ['abcdef\r\n', 'abcde\r\n f\r\n'],
    ['abcdefghi\r\n', 'abcde\r\n fghi\r\n'],
    ['abcdefghij\r\n', 'abcde\r\n fghi\r\n j\r\n'],
    ['abcdefghij', 'abcde\r\n fghi\r\n j'],
    ['a\r\nbcdefg\r\n\r\nhij\r\n', 'a\r\nbcdef\r\n g\r\n\r\nhij\r\n'],
    ['abcde\rx\r\n', 'abcde\r\n \rx\r\n'],
    ['abcde\r', 'abcde\r'],
    ['\r\n\r\n\r\n\r\n', '\r\n\r\n\r\n\r\n'],
  ]
  for (const [text, expected] of table)
    for (let step = 1; step <= text.length + 1; step++) {
      const pieces = Array.from({ length: Math.ceil(text.length / step) }, (_, i) =>
        text.slice(i * step, (i + 1) * step),
      )
      const { out, told } = broken(5, pieces)
      assert.equal(out, expected, `${JSON.stringify(text)} cut every ${step} octets`)
      assert.equal(told, expected === text ? 0 : 1)
    }
  assert.equal(broken(0, ['x'.repeat(5000)]).out, 'x'.repeat(5000))
})

test('no line is longer than the limit, nothing is lost, and cuts make no difference', () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', '\r\n', '.', ' '), maxLength: 30 })
  fc.assert(
    fc.property(fc.array(piece), fc.integer({ min: 2, max: 9 }), (pieces, limit) => {
      const { out } = broken(limit, pieces)
      assert.ok(out.split('\r\n').every((line) => line.length <= limit))
      assert.equal(out, broken(limit, [pieces.join('')]).out)
      assert.equal(out.replaceAll(/\r\n| /g, ''), pieces.join('').replaceAll(/\r\n| /g, ''))
    }),
  )
})
