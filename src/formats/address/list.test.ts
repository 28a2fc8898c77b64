import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LIST_LIMIT, parseAddressList, replaceAddresses } from './mod.ts'

/** `name|local|domain`, a route in front; `name:` and `;` are the edges of a group. */
function read(text: string): string {
  return parseAddressList(text)
    .map((item) => {
      if (item.kind === 'group') return `${item.name}:`
      if (item.kind === 'end-group') return ';'
      return `${item.route === '' ? '' : `${item.route}|`}${item.name}|${item.local}|${item.domain}`
    })
    .join(' ')
}

test('address lists', () => {
  const table: [string, string][] = [
    ['a@b.example', '|a|b.example'],
    ['Ana <a@b>', 'Ana|a|b'],
    ['"Ana, B" <a@b>', 'Ana, B|a|b'],
    ['a@b (Ana)', 'Ana|a|b'],
    ['Ana (c) <a@b>', 'Ana|a|b'],
    ['<a@b> (Ana)', 'Ana|a|b'],
    ['a@b (x (nested) y)', 'x (nested) y|a|b'],
    ['A. B.  Cee <a@b>', 'A. B. Cee|a|b'],
    ['A\r\n B <a@b>', 'A B|a|b'],
    ['"A\r\n B" <a@b>', 'A B|a|b'],
    ['=?utf-8?Q?A=2C_B?= <a@b>', '=?utf-8?Q?A=2C_B?=|a|b'],
    ['"q l"@b', '|q l|b'],
    ['x <"c\\"d"@e>', 'x|c"d|e'],
    ['b."c d".e@f', '|b.c d.e|f'],
    ['a . b @ c . d', '|a.b|c.d'],
    ['a(c)@(d)b', 'd|a|b'],
    ['a@[IPv6:::1]', '|a|[IPv6:::1]'],
    ['N <@route,@r2:a@b>', '@route,@r2|N|a|b'],
    ['@route:a@b', '@route||a|b'],
    ['a@b, , c@d,', '|a|b |c|d'],
    ['g: a@b, c@d;, e@f', 'g: |a|b |c|d ; |e|f'],
    ['undisclosed-recipients:;', 'undisclosed-recipients: ;'],
    ['g: a@b', 'g: |a|b ;'],
    ['', ''],
    [' , ;', ''],
  ]
  for (const [text, expected] of table) assert.equal(read(text), expected, text)
})

test('what is broken reads as a person would take it', () => {
  const table: [string, string][] = [
    ['a@b c@d', '|a|b |c|d'],
    ['A <a@b> B <b@c>', 'A|a|b B|b|c'],
    ['A <a@b>;B <b@c>', 'A|a|b B|b|c'],
    ['Ana B a@b', 'Ana B|a|b'],
    ['a@b <a@b>', 'a@b|a|b'],
    ['Doe, John <j@d>', '|Doe| John|j|d'],
    ['Ana B <a@b', 'Ana B|a|b'],
    ['Ana <a@b, c@d', 'Ana|a|b |c|d'],
    ['<<a@b>>', '|a|b'],
    ['a@b>', '|a|b'],
    ['a@b )', '|a|b'],
    ['a@b (', '|a|b'],
    ['bare', '|bare|'],
    ['bare word', 'bare word||'],
    ['bare <word>', 'bare|word|'],
    ['"MAILER DAEMON" <>', 'MAILER DAEMON||'],
    ['<>', ''],
    ['a@', '|a|'],
    ['@b', '||b'],
    ['a@b@c', '|a@b|c'],
    ['g: h: a@b;;', 'g: h:|a|b ;'],
  ]
  for (const [text, expected] of table) assert.equal(read(text), expected, text)
})

test('an address is replaced where it stands, and all else stays', () => {
  const text = ' "A, B" (c) <@r:a@b>,\r\n\tg: "x y"@z (d), w;'
  const changed = parseAddressList(text).flatMap((item) =>
    item.kind === 'mailbox' ? [{ item, text: `${item.local.toUpperCase()}@new` }] : [],
  )
  assert.equal(replaceAddresses(text, changed), ' "A, B" (c) <@r:A@new>,\r\n\tg: X Y@new (d), W@new;')
  assert.equal(replaceAddresses(text, []), text)
})

test('any text gives a list; offsets rise and stay within', () => {
  const text = fc.string({ unit: fc.constantFrom(...Array.from('<>@,;:()[]"\\. \r\nabñ')), maxLength: 60 })
  fc.assert(
    fc.property(text, (list) => {
      let at = 0
      for (const item of parseAddressList(list)) {
        if (item.kind !== 'mailbox') continue
        assert.ok(item.from >= at && item.to >= item.from && item.to <= list.length, list)
        at = item.to
      }
    }),
    { numRuns: 2000 },
  )
})

test('a megabyte of anything is read in a moment', () => {
  for (const unit of ['a@b,', 'a ', '<', '<,', '@:', '(', 'a@b ', '"', ':', '<a>', '@a,', '\\', 'a:b@c;', 'x <y@z> ']) {
    const before = performance.now()
    assert.ok(parseAddressList(unit.repeat(1_000_000 / unit.length)).length <= LIST_LIMIT + 2)
    assert.ok(performance.now() - before < 3000, unit)
  }
})

test('the short way for one address alone answers as the long one', () => {
  const words = fc.constantFrom('a', 'b@c.d', '<', '>', ' ', '.', '+', '-', 'Ana', '@', '\r\n ', "'", ',', 'e.f@g')
  fc.assert(
    fc.property(fc.array(words, { maxLength: 8 }), (list) => {
      const text = list.join('')
      // A comma at the end adds nothing, and is not known to the short way.
      assert.deepEqual(parseAddressList(text), parseAddressList(`${text},`))
    }),
    { numRuns: 3000 },
  )
})
