import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathError, printPath, takePath } from './mod.ts'

/** Postfix 3.7 reads each so. */
const PATHS: readonly (readonly [string, string, string])[] = [
  ['<a@b.example>', 'a@b.example', ''],
  [' <a@b.example>  SIZE=1 ', 'a@b.example', 'SIZE=1'],
  ['\t<a@b>\tSIZE=1', 'a@b', 'SIZE=1'],
  ['a@b.example BODY=7BIT', 'a@b.example', 'BODY=7BIT'],
  ['<>', '', ''],
  ['< >', '', ''],
  ['""', '', ''],
  ['<"a b"@c>', 'a b@c', ''],
  ['"a b"@c', 'a b@c', ''],
  ['<"a\\"b>"@c>', 'a"b>@c', ''],
  ['<a\\@b@c>', 'a@b@c', ''],
  ['<a\\ b@c>', 'a b@c', ''],
  ['<"a.".b@c>', 'a..b@c', ''],
  ['<a."b c".d@e>', 'a.b c.d@e', ''],
  ['<@x,@y:a@b>', 'a@b', ''],
  ['@x:a@b', 'a@b', ''],
  ['<a@[192.0.2.1]>', 'a@[192.0.2.1]', ''],
  ['<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]', ''],
  ['<bare>', 'bare', ''],
  ['<a@@b>', 'a@@b', ''],
  ['<a:b@c>', 'a:b@c', ''],
  ['<a@"b">', 'a@b', ''],
  ['<josé@ñandú.example>', 'josé@ñandú.example', ''],
  ['<a@b (x y)>', 'a@b', ''],
  ['(x)<a@b>', 'a@b', ''],
  ['a(x)@b', 'a@b', ''],
  ['"Name"<a@b> SIZE=1', 'a@b', 'SIZE=1'],
  ['<<a@b>>', 'a@b', ''],
  ['a@b>', 'a@b', ''],
  ['Name <a@b>', 'Name', '<a@b>'], // the rest is an option that nobody knows
]

test('paths as clients write them', () => {
  for (const [text, address, rest] of PATHS) assert.deepEqual(takePath(text), { address, rest }, text)
})

test('what is no path', () => {
  const list = [
    '<a b@c>',
    '<a@b',
    '<a@b>x',
    '<a@b>SIZE=1',
    '<"a@b>',
    '<@x>',
    '<@>',
    '<a@>',
    '<""@b>',
    '<a@b c>',
    '<a\0@b>',
  ]
  list.push(
    '<a@b\\>',
    '<a@b,c@d>',
    '<a@b>,<c@d>',
    '<a@b;c@d>',
    '<Name a@b>',
    '<a@b:c>',
    '<a\x7f@b>',
    '<"a\r\nb"@c>',
    '<a@[1',
  )
  for (const text of list) assert.throws(() => takePath(text), PathError, JSON.stringify(text))
})

test('strict paths have brackets and no comments', () => {
  for (const text of ['a@b', 'Name<a@b>', '(x)<a@b>', '<a@b (x)>', '<(x)a@b>'])
    assert.throws(() => takePath(text, true), PathError, text)
  for (const text of ['<a@b>', ' <a@b> SIZE=1', '<@x:a@b>', '<"a b"@c>']) takePath(text, true)
})

test('any text is a path or a PathError', () => {
  const text = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...Array.from('<>@,;:()[]"\\. \tab')) }))
  fc.assert(
    fc.property(text, fc.boolean(), (path, strict) => {
      try {
        takePath(path, strict)
      } catch (error) {
        assert.ok(error instanceof PathError, String(error))
      }
    }),
    { numRuns: 1000 },
  )
})

test('a printed path reads as the same address', () => {
  const local = fc.string({ minLength: 1, unit: fc.constantFrom(...Array.from('ab.+-@ "\\<>()[],;:\tñ')) })
  const domain = fc.constantFrom('c.example', '[192.0.2.1]', '[IPv6:::1]', 'ñandú.example')
  fc.assert(
    fc.property(local, domain, (name, host) => {
      assert.deepEqual(takePath(`${printPath(`${name}@${host}`)} X=1`), { address: `${name}@${host}`, rest: 'X=1' })
    }),
    { numRuns: 1000 },
  )
})
