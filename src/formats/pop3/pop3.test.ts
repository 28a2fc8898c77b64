import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DotStuffer, messageNumber, parseCommand, Pop3Error } from './mod.ts'

test('command lines', () => {
  const table: [string, string, string][] = [
    ['STAT', 'STAT', ''],
    ['stat ', 'STAT', ''],
    ['PASS two words', 'PASS', 'two words'],
    ['PASS  leading', 'PASS', ' leading'],
    ['TOP 1 10', 'TOP', '1 10'],
    ['USER josé', 'USER', 'josé'],
  ]
  for (const [line, verb, rest] of table) {
    const command = parseCommand(Buffer.from(line))
    assert.equal(command.verb, verb)
    assert.equal(command.rest, rest)
  }
})

test('any octets make a command or an error of POP3', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (octets) => {
      try {
        parseCommand(Buffer.from(octets))
      } catch (error) {
        assert.ok(error instanceof Pop3Error)
      }
    }),
  )
})

test('message numbers', () => {
  assert.equal(messageNumber('42'), 42)
  for (const word of [undefined, '', '-1', '1x', '99999999999']) assert.throws(() => messageNumber(word), Pop3Error)
})

/** Stuffing as the RFC's words say it, line by line. */
function oracle(message: string): string {
  const whole = message === '' || message.endsWith('\r\n') ? message : message + '\r\n'
  return whole.replace(/^\./, '..').replaceAll('\r\n.', '\r\n..') + '.\r\n'
}

test('a message is stuffed alike in any cuts', () => {
  const word = fc.constantFrom('.', '..', '\r\n', '\r', '\n', 'a', '\r\n.', '\r\n.\r\n')
  fc.assert(
    fc.property(fc.array(word), fc.array(fc.nat(9)), (words, cuts) => {
      const message = Buffer.from(words.join(''))
      const stuffer = new DotStuffer()
      const out: Buffer[] = []
      let at = 0
      for (const cut of [...cuts, message.length]) {
        out.push(...stuffer.push(message.subarray(at, at + cut)))
        at = Math.min(message.length, at + cut)
      }
      out.push(...stuffer.push(message.subarray(at)), stuffer.end())
      assert.equal(Buffer.concat(out).toString(), oracle(message.toString()))
    }),
  )
})
