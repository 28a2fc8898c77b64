import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { onlyValue, parseDirectives, quoted } from './digest-directives.ts'
import { SaslError } from './errors.ts'

const good: readonly (readonly [text: string, values: Record<string, string[]>])[] = [
  ['a=b', { a: ['b'] }],
  ['A="b"', { a: ['b'] }],
  ['a="b\\"c\\\\d",e=f', { a: ['b"c\\d'], e: ['f'] }],
  [' a = "b" , , c = d ,', { a: ['b'], c: ['d'] }],
  ['a="",b=c', { a: [''], b: ['c'] }],
  ['realm="x",realm="y"', { realm: ['x', 'y'] }],
  ['digest-uri=smtp/mail.example,nonce=abc==', { 'digest-uri': ['smtp/mail.example'], nonce: ['abc=='] }],
  ['a="b,c=d"', { a: ['b,c=d'] }],
  ['', {}],
]
for (const [text, values] of good)
  test(`parseDirectives() reads ${JSON.stringify(text)}`, () =>
    assert.deepEqual(Object.fromEntries(parseDirectives(Buffer.from(text))), values))

const bad = ['a', 'a=', '=b', 'a="b', 'a="b\\', 'a="b"c="d"', 'a b=c', 'a=b c=d', '\u0000', '"a"=b', 'x=1,'.repeat(65)]
for (const text of bad)
  test(`parseDirectives() refuses ${JSON.stringify(text.slice(0, 20))}`, () =>
    assert.throws(() => parseDirectives(Buffer.from(text)), SaslError))

test('onlyValue() refuses a directive that stands twice', () => {
  assert.throws(() => onlyValue(parseDirectives(Buffer.from('a=b,a=b')), 'a'), SaslError)
})

test('any octets survive quoting', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const text = Buffer.from(octets).toString('latin1')
      assert.deepEqual(parseDirectives(Buffer.from(`a=${quoted(text)}`, 'latin1')).get('a'), [text])
    }),
  )
})
