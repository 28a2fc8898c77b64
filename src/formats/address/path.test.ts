import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PathError, takePath } from './mod.ts'

test('paths as clients write them', () => {
  const table: [string, string, string][] = [
    ['<a@b.example>', 'a@b.example', ''],
    [' <a@b.example>  SIZE=1 ', 'a@b.example', 'SIZE=1'],
    ['a@b.example BODY=7BIT', 'a@b.example', 'BODY=7BIT'],
    ['<>', '', ''],
    ['<"a b"@c>', 'a b@c', ''],
    ['<"a\\"b>"@c>', 'a"b>@c', ''],
    ['<@x,@y:a@b>', 'a@b', ''],
    ['<a@[192.0.2.1]>', 'a@[192.0.2.1]', ''],
    ['<a@[IPv6:2001:db8::1]>', 'a@[IPv6:2001:db8::1]', ''],
    ['<bare>', 'bare', ''],
    ['<a@@b>', 'a@@b', ''],
    ['<josé@ñandú.example>', 'josé@ñandú.example', ''],
  ]
  for (const [text, address, rest] of table) assert.deepEqual(takePath(text), { address, rest }, text)
})

test('what is no path', () => {
  for (const text of ['<a b@c>', '<a@b', '<a@b>x', '<"a@b>', '<@x>', '<a@b c>', '<(x)a@b>', '<a\0@b>', '<a@b\\>']) {
    assert.throws(() => takePath(text), PathError, text)
  }
  assert.throws(() => takePath('a@b', true), PathError)
})

test('any text is a path or a PathError', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        takePath(text)
      } catch (error) {
        assert.ok(error instanceof PathError)
      }
    }),
  )
})
