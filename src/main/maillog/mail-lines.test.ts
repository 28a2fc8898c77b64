import assert from 'node:assert/strict'
import { test } from 'node:test'
import { delayText } from '#src/base/mod.ts'

test('delays have two digits that count, and no more behind the point than the limit', () => {
  const table: [ms: number, digits: number, text: string][] = [
    [0, 2, '0'],
    [4, 2, '0'],
    [12, 2, '0.01'],
    [123, 2, '0.12'],
    [1234, 2, '1.2'],
    [1000, 2, '1'],
    [12_345, 2, '12'],
    [123_456, 2, '123'],
    [0.004, 6, '0.000004'],
    [1.2345, 6, '0.0012'],
    [12.345, 3, '0.012'],
    [123.45, 6, '0.12'],
    [1234, 0, '1'],
    [400, 0, '0'],
  ]
  for (const [ms, digits, text] of table) assert.equal(delayText(ms, digits), text, `${ms} ms, ${digits}`)
})
