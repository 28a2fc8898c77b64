import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeBase64Body, StructureScanner, withoutNul } from './mod.ts'

const lines = (...list: string[]): string => list.join('\r\n')

test('a part that holds NUL comes in base64, its neighbours as they were', () => {
  const message = lines(
    'Content-Type: multipart/mixed; boundary=b',
    'Content-Transfer-Encoding: binary',
    '',
    '--b',
    'Content-Type: application/octet-stream',
    'Content-Transfer-Encoding: BINARY',
    'X-Kept: yes',
    '',
    'a\0b',
    '--b',
    '',
    'text',
    '--b--',
    '',
  )
  const expected = message
    .replace('Encoding: binary', 'Encoding: 8bit')
    .replace('Encoding: BINARY', 'Encoding: base64')
    .replace('a\0b', 'YQBi')
  assert.equal(withoutNul(Buffer.from(message))?.toString(), expected)
})

test('a message that is one body, with and without a header', () => {
  assert.equal(
    withoutNul(Buffer.from('Subject: x\r\n\r\n\0'))?.toString(),
    'Content-Transfer-Encoding: base64\r\nSubject: x\r\n\r\nAA==',
  )
  assert.equal(withoutNul(Buffer.from('Subject: x\r\n\r\ny'))?.toString(), 'Subject: x\r\n\r\ny')
})

test('NUL in a header or between parts cannot be kept', () => {
  assert.equal(withoutNul(Buffer.from('Subject: \0\r\n\r\nx')), undefined)
  const between = lines('Content-Type: multipart/mixed; boundary=b', '', '\0', '--b', '', 'x', '--b--', '')
  assert.equal(withoutNul(Buffer.from(between)), undefined)
})

test('any octets come back from the part that held them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (array) => {
      const body = Buffer.from(array)
      const message = Buffer.concat([Buffer.from('Content-Transfer-Encoding: binary\r\n\r\n'), body])
      const kept = withoutNul(message)
      assert.ok(kept !== undefined && !kept.includes(0))
      if (!body.includes(0)) return
      const scanner = new StructureScanner()
      scanner.push(kept)
      const { root } = scanner.end()
      assert.deepEqual(decodeBase64Body(kept.subarray(root.bodyFrom, root.bodyTo)), body)
    }),
  )
})
