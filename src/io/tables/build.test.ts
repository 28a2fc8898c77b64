import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAliases } from './alias-source.ts'
import { postfixPostmap, postmapMissing, tableDirectory } from './fixture.test.ts'
import { buildIndex, Index } from './index-format.ts'
import { addToTable, buildTable, createTables } from './mod.ts'
import { parseKeyValue } from './source.ts'

const pairs = (text: string | Buffer): unknown => {
  const { entries, warnings } = parseKeyValue(Buffer.from(text))
  return { entries: entries.map((e) => [e.key, e.value]), warnings: warnings.map((w) => `${w.line}: ${w.text}`) }
}

test('key and value lines, as postmap reads them', () => {
  const text = Buffer.concat([
    Buffer.from(
      '# comment\nalpha   one two  \nBeta\tB value\n  continued\n  # inner\n"quoted key"  val\ngamma\ndelta: x\n \n eps lead\n' +
        '"qu\\"o" esc\n"a"b c\nzeta   \n',
    ),
    Buffer.from('bin\xff x\n', 'latin1'),
    Buffer.from('last noeol'),
  ])
  assert.deepEqual(pairs(text), {
    entries: [
      ['alpha', 'one two'],
      ['Beta', 'B value  continued'],
      ['"quoted key"', 'val'],
      ['delta:', 'x eps lead'],
      ['"qu\\"o"', 'esc'],
      ['"a"b', 'c'],
      ['last', 'noeol'],
    ],
    warnings: [
      '7: expected format: key whitespace value',
      '8: record is in "key: value" format; is this an alias file?',
      '13: expected format: key whitespace value',
      '14: non-UTF-8 input "bin? x" -- ignoring this line',
    ],
  })
  assert.deepEqual(pairs('  lead x\na b'), {
    entries: [['a', 'b']],
    warnings: ['1: logical line must not start with whitespace: "  lead x"'],
  })
})

test('alias lines are stored as postalias stores them', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['root: alice,  bob , "|/usr/bin/prog -x y" , /var/file', 'root', 'alice, bob, "|/usr/bin/prog -x y", /var/file'],
    ['"quoted name": x', 'quoted name', 'x'],
    ['list: :include:/etc/list, a@b.c (comment)', 'list', ':include:/etc/list, a@b.c (comment)'],
    ['"x\\"y": z', 'x"y', 'z'],
    ['owner-list: "a b"@c, <d@e>, Foo Bar <q@r>', 'owner-list', '"a b"@c, <d@e>, Foo Bar <q@r>'],
    ['long : spaced', 'long', 'spaced'],
    ['err: x:y; z', 'err', 'x:y;z'],
    ['c: "q r" <a@b> (c d) [1.2.3.4]', 'c', '"q r" <a@b>(c d) [1.2.3.4]'],
    ['d: x<y>z', 'd', 'x <y>z'],
    ['e: a.b @ c.d', 'e', 'a.b@c.d'],
    ['h: "unterminated', 'h', '"unterminated"'],
    ['i: a\\,b', 'i', '"a,b"'],
    ['k : :include:"/a b"', 'k', ':include:"/a b"'],
    ['m(n): o', 'm (n)', 'o'],
    ['r: \\root, ~user', 'r', 'root, ~user'],
    ['s: a,,b,', 's', 'a, , b, '],
    ['v: "", <>', 'v', '"", <>'],
    ['w: |"/usr/bin/x y"', 'w', '|"/usr/bin/x y"'],
    ['multi: one,\n   two,\n# c\n   three', 'multi', 'one, two, three'],
  ]
  for (const [line, key, value] of table)
    assert.deepEqual(
      parseAliases(Buffer.from(line)).entries.map((e) => [e.key, e.value]),
      [[key, value]],
      line,
    )
  const faults = parseAliases(Buffer.from('noval:\nnocolon x\na@b.c: d\n: nokey\naa, bb: c\n'))
  assert.deepEqual(
    faults.warnings.map((w) => w.text),
    [
      'need name:value pair',
      'need name:value pair',
      'name must be local',
      'need name:value pair',
      'need name:value pair',
    ],
  )
})

test('an index gives back every pair and nothing else', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
      fc.string(),
      (pairs, other) => {
        const index = new Index(
          buildIndex(Object.entries(pairs), { crc: 1, sizeOctets: 2, mtimeMs: 3.5 }, { folded: true }),
        )
        assert.deepEqual([...index.entries()], Object.entries(pairs))
        for (const [key, value] of Object.entries(pairs)) assert.equal(index.get(key), value)
        assert.equal(index.get(other), Object.hasOwn(pairs, other) ? pairs[other] : undefined)
        assert.deepEqual(index.source, { crc: 1, sizeOctets: 2, mtimeMs: 3.5 })
      },
    ),
  )
})

test('octets that are no index are refused', () => {
  const good = buildIndex([['a', 'b']], { crc: 0, sizeOctets: 0, mtimeMs: 0 }, { folded: true })
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const bad = Buffer.from(good)
      bad[at] = (bad[at] ?? 0) ^ flip
      try {
        const index = new Index(bad)
        index.get('a') // what the checksum does not cover changes no entry
      } catch (error) {
        assert.ok(error instanceof Error && !(error instanceof RangeError))
      }
    }),
  )
  for (let n = 0; n < good.length; n++) assert.throws(() => new Index(good.subarray(0, n)))
})

test('doubled keys: the first stays, is replaced, or is told of', (t) => {
  const { write } = tableDirectory(t)
  const file = write('x', 'a 1\nA 2\nb 3\n')
  const value = (): unknown => createTables().open(`hash:${file}`).get('a')
  assert.deepEqual(buildTable('hash', file, { aliases: false }).warnings, [`${file}.postigo: duplicate entry: "a"`])
  assert.equal(value(), '1')
  assert.deepEqual(buildTable('hash', file, { aliases: false, doubled: 'replace' }).warnings, [])
  assert.equal(value(), '2')
  assert.deepEqual(buildTable('hash', file, { aliases: false, doubled: 'ignore' }).warnings, [])
  assert.equal(value(), '1')
  addToTable('hash', file, Buffer.from('a 9\nnew 5\nbad\n'), { aliases: false, doubled: 'replace' })
  assert.equal(value(), '9')
  assert.equal(createTables().open(`hash:${file}`).get('new'), '5')
})

for (const type of ['hash', 'btree', 'lmdb', 'cdb'])
  test(`${type}: files of Postfix's own postmap are read`, { skip: postmapMissing(type) }, (t) => {
    const { path } = tableDirectory(t)
    const file = path('access')
    const entries = new Map<string, string>([['key', randomBytes(4500).toString('hex')]])
    for (let i = 0; i < 3000; i++) entries.set(`user${i}@example.com`, `value ${'x'.repeat(i % 200)}${i}`)
    writeFileSync(file, [...entries].map(([k, v]) => `${k}\t${v}\n`).join(''))
    postfixPostmap(type, file)
    const table = createTables().open(`${type}:${file}`)
    assert.deepEqual(new Map(table.entries?.() ?? []), entries)
    assert.equal(table.get('USER7@example.com'), entries.get('user7@example.com'))
    assert.equal(table.get('nobody'), undefined)
  })
