import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineText, parseCommand, pathArgument } from './mod.ts'

test('a command is a verb in any case, and what follows it', () => {
  const table: [string, string, string][] = [
    ['QUIT', 'QUIT', ''],
    ['mail FROM:<a@b> SIZE=1 ', 'MAIL', 'FROM:<a@b> SIZE=1'],
    ['  noop', 'NOOP', ''],
    ['\tNoOp\tx y', 'NOOP', 'x y'],
    ['', '', ''],
    [' \t ', '', ''],
    ['Subject: x', 'SUBJECT:', 'x'],
    ['EHLO ñandú.example', 'EHLO', 'ñandú.example'],
  ]
  for (const [line, verb, rest] of table) {
    assert.deepEqual(parseCommand(line), { verb, rest, text: line.trim() }, JSON.stringify(line))
  }
})

test('the path stands behind FROM: and TO:', () => {
  const table: [string, 'FROM' | 'TO', string | undefined][] = [
    ['FROM:<a@b>', 'FROM', '<a@b>'],
    ['from: <a@b> SIZE=1', 'FROM', '<a@b> SIZE=1'],
    ['To:x', 'TO', 'x'],
    ['TO:', 'TO', undefined],
    ['TO: ', 'TO', undefined],
    ['TO :<x>', 'TO', undefined],
    ['FROM<a@b>', 'FROM', undefined],
    ['FROM:<a@b>', 'TO', undefined],
    ['', 'TO', undefined],
  ]
  for (const [rest, word, expected] of table) assert.equal(pathArgument(rest, word), expected, rest)
})

test('a line is text if it is UTF-8', () => {
  for (let octet = 0; octet < 256; octet++) {
    const text = lineText(Buffer.from([0x61, octet]))
    assert.equal(text, octet < 0x80 ? `a${String.fromCharCode(octet)}` : undefined)
  }
  assert.equal(lineText(Buffer.from('RCPT TO:<ñ@ü>')), 'RCPT TO:<ñ@ü>')
  assert.equal(lineText(Buffer.from([0xed, 0xa0, 0x80])), undefined, 'a surrogate')
  assert.equal(lineText(Buffer.from([0xc0, 0xaf])), undefined, 'an overlong form')
})

test('any line has a verb without blanks', () => {
  fc.assert(
    fc.property(fc.string(), (line) => {
      const { verb, rest } = parseCommand(line)
      assert.doesNotMatch(verb, /[ \t]/)
      assert.equal(rest, rest.trim() === '' ? '' : rest)
    }),
  )
})
