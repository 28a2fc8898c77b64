import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ALL_RIGHTS,
  IDENTIFIER_LIMIT,
  joinRights,
  parseRights,
  printRights,
  takeIdentifier,
  takeRightsChange,
  withoutRights,
} from './acl.ts'
import { Cursor } from './cursor.ts'
import { ImapError } from './error.ts'

const cursor = (text: string): Cursor => new Cursor(Buffer.from(text))

test('takeRightsChange() takes rights, what is added and what is removed', () => {
  const table: readonly [string, string, string][] = [
    ['lrs', 'set', 'lrs'],
    ['"srl"', 'set', 'lrs'],
    ['""', 'set', ''],
    ['+cda', 'add', 'kxtea'],
    ['-d', 'remove', 'te'],
    ['+', 'add', ''],
    ['{3}\r\nlle', 'set', 'le'],
  ]
  for (const [text, operation, rights] of table)
    assert.deepEqual(takeRightsChange(cursor(text)), { operation, rights }, text)
  for (const wrong of ['lrQ', 'lrq', '++l', 'l+r', '0', '(l)', ''])
    assert.throws(() => takeRightsChange(cursor(wrong)), ImapError, wrong)
})

test('a set of rights is read as it is printed, whatever its order', () => {
  fc.assert(
    fc.property(fc.subarray(Array.from(ALL_RIGHTS)), fc.boolean(), (letters, backwards) => {
      const rights = joinRights(letters.join(''))
      const printed = printRights(rights)
      assert.equal(parseRights(withoutRights(printed, 'cd')), rights)
      // `c` and `d` stand there where one of their rights does, and only then (§2.1.1).
      assert.equal(printed.includes('c'), /[kx]/.test(rights))
      assert.equal(printed.includes('d'), /[te]/.test(rights))
      const written = backwards ? letters.toReversed() : letters
      assert.equal(parseRights(written.join('')), rights)
    }),
  )
})

test('any octet but the letters of rights is refused', () => {
  for (let octet = 0; octet < 256; octet++) {
    const letter = String.fromCharCode(octet)
    assert.equal(parseRights(letter) !== undefined, `${ALL_RIGHTS}cd`.includes(letter), `octet ${octet}`)
  }
})

test('takeIdentifier() takes any string that is not empty, up to its limit', () => {
  for (const [text, identifier] of [
    ['anyone', 'anyone'],
    ['-bea', '-bea'],
    ['"a b"', 'a b'],
    ['$team', '$team'],
  ] as const)
    assert.equal(takeIdentifier(cursor(text)), identifier)
  for (const wrong of ['""', '-', '', `"${'x'.repeat(IDENTIFIER_LIMIT + 1)}"`])
    assert.throws(() => takeIdentifier(cursor(wrong)), ImapError, wrong)
})
