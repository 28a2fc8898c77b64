import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { messagesOfMbox, toWire } from './mbox-text.ts'

const split = (text: string): string[] | undefined => messagesOfMbox(Buffer.from(text))?.map((m) => m.toString())

test('an mbox is cut at From_ lines behind an empty line, where a header follows', () => {
  const table: [string, string[] | undefined][] = [
    ['From a  d\nSubject: 1\n\nx\n\n', ['Subject: 1\r\n\r\nx\r\n']],
    ['From a  d\nA: 1\n\nx\n\nFrom b  d\nB: 2\n\ny\n\n', ['A: 1\r\n\r\nx\r\n', 'B: 2\r\n\r\ny\r\n']],
    ['From a  d\nA: 1\n\nx\nFrom b  d\nB: 2\n\n', ['A: 1\r\n\r\nx\r\nFrom b  d\r\nB: 2\r\n']],
    ['From a  d\nA: 1\n\n\nFrom me to you\nbye\n\n', ['A: 1\r\n\r\n\r\nFrom me to you\r\nbye\r\n']],
    ['From a  d\nA: 1\n\n', ['A: 1\r\n']],
    ['From a  d\n Subject: x\n  Folder: box\t 1\n', undefined], // procmail's log
    ['Subject: x\n\n', undefined],
    ['From ', undefined],
    ['', undefined],
  ]
  for (const [text, expected] of table) assert.deepEqual(split(text), expected, JSON.stringify(text))
})

test('wire form has CRLF alone, and leaves what has it as it is', () => {
  assert.equal(toWire(Buffer.from('a\nb\r\nc')).toString(), 'a\r\nb\r\nc\r\n')
  fc.assert(
    fc.property(fc.string(), (s) => {
      const once = toWire(Buffer.from(s))
      assert.deepEqual(toWire(once), once)
    }),
  )
})
