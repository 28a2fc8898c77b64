import assert from 'node:assert/strict'
import { statSync, utimesSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { manualClock } from '../../base/mod.ts'
import { tableDirectory, tableEvents } from './fixture.test.ts'
import { buildTable, createTables, editIndex, TableError } from './mod.ts'

const NOT_FOUND = Symbol('not found')

/** What `postmap -q KEY TABLE` of Postfix 3.7.11 prints; a string with `!` in front is its error. */
const answers: readonly (readonly [table: string, key: string, answer: string | typeof NOT_FOUND])[] = [
  ['static:x y', 'a', 'x y'],
  ['static:{x y }', 'a', 'x y'],
  ['static:', 'a', '!open dictionary: expecting "type:name" form instead of "static:"'],
  ['inline:{a=b, { c = d e }}', 'C', 'd e'],
  ['inline:{a=b a=c}', 'a', 'c'],
  ['inline:{a=b}', 'x', NOT_FOUND],
  [
    'inline:{a=b, c=d e}',
    'a',
    `!missing '=' after attribute name: "inline:{a=b, c=d e}"; need "inline:{name=value...}"`,
  ],
  ['inline:{}', 'a', '!bad syntax: "inline:{}"; need "inline:{name=value...}"'],
  ['inline:a=b', 'a', '!bad syntax: "inline:a=b"; need "inline:{name=value...}"'],
  ['unionmap:{static:1,static:{2 3},inline:{a=5}}', 'a', '1,2 3,5'],
  ['unionmap:{static:1,static:{2 3},inline:{a=5}}', 'b', '1,2 3'],
  ['pipemap:{inline:{a=b},inline:{b=c}}', 'a', 'c'],
  ['pipemap:{inline:{a=b},inline:{x=c}}', 'a', NOT_FOUND],
  ['pipemap:{ static:x , static:y }', 'a', 'y'],
  ['randmap:{x}', 'a', 'x'],
  ['randmap:{}', 'a', '!bad syntax: "randmap:{}"; need "randmap:{value...}"'],
  ['proxy:static:x', 'a', 'x'],
  ['unix:passwd.byname', '0', NOT_FOUND],
  ['unix:foo', 'a', '!unknown table: unix:foo'],
  ['nosuch:foo', 'a', '!unsupported dictionary type: nosuch'],
  ['hash:/nonexistent', 'a', '!open database /nonexistent.db: No such file or directory'],
  ['texthash:/nonexistent', 'a', '!open database /nonexistent: No such file or directory'],
  ['cidr:/nonexistent', 'a', '!open /nonexistent: No such file or directory'],
  ['fail:x', 'a', '!query error'],
  ['nis:mail.aliases', 'a', NOT_FOUND],
  ['cidr:{{1.2.3.4 x}, {1.2.3.5 y}}', '1.2.3.5', 'y'],
  ['pcre:{ {/a/ x}, { /b(.)/ y$1 } }', 'bb', 'yb'],
]

test('tables answer what postmap -q prints', async () => {
  const tables = createTables()
  for (const [name, key, answer] of answers) {
    const ask = async (): Promise<unknown> => (await tables.open(name).get(key)) ?? NOT_FOUND
    if (typeof answer !== 'string' || !answer.startsWith('!')) assert.equal(await ask(), answer, `${name} ${key}`)
    else await assert.rejects(ask, (e) => e instanceof TableError && e.text === answer.slice(1), `${name} ${key}`)
  }
})

test('a table that fails is told apart from one that is badly configured', async () => {
  const kindOf = async (name: string): Promise<string> => {
    try {
      await createTables().maps(name).find('a')
      return 'none'
    } catch (error) {
      return error instanceof TableError ? error.kind : 'other'
    }
  }
  assert.equal(await kindOf('fail:x'), 'unavailable')
  assert.equal(await kindOf('hash:/nonexistent'), 'configuration')
  assert.equal(await kindOf('inline:{a=}'), 'configuration')
})

test('maps ask in order, and give partial keys to fixed tables only', async () => {
  const maps = createTables().maps(
    'pcre:{ {/^example.com$/ pattern} }, inline:{ a@b=one, example.com=fixed } static:last',
  )
  assert.deepEqual(await maps.find('A@B'), {
    table: 'inline:{ a@b=one, example.com=fixed }',
    key: 'A@B',
    result: 'one',
  })
  assert.equal((await maps.find('example.com'))?.result, 'pattern')
  assert.equal((await maps.findFirst([{ key: 'example.com', partial: true }]))?.result, 'fixed')
  assert.equal((await maps.findFirst([{ key: 'other', partial: true }]))?.result, 'last')
  assert.equal(await maps.find(''), undefined)
})

test('match lists', async (t) => {
  const { write } = tableDirectory(t)
  const file = write('list', '# comment\nfile.example\n  !not.file.example, 192.0.2.0/24\n')
  const table: readonly (readonly [list: string, parents: boolean, name: string, matches: boolean])[] = [
    ['example.com', false, 'Example.COM', true],
    ['example.com', false, 'sub.example.com', false],
    ['example.com', true, 'sub.example.com', true],
    ['example.com', true, 'notexample.com', false],
    ['.example.com', false, 'sub.example.com', true],
    ['.example.com', false, 'example.com', false],
    ['!a.example.com, .example.com', false, 'a.example.com', false],
    ['!a.example.com, .example.com', false, 'b.example.com', true],
    ['inline:{example.com=x}', true, 'a.b.example.com', true],
    ['inline:{example.com=x}', false, 'a.example.com', false],
    ['inline:{.example.com=x}', false, 'a.b.example.com', true],
    [file, false, 'file.example', true],
    [`!${file}, file.example`, false, 'file.example', false],
  ]
  for (const [list, parentDomains, name, matches] of table) {
    const match = createTables().matchDomain(list, { parentDomains, parameter: 'relay_domains' })
    assert.equal((await match(name)) !== undefined, matches, `${list} ${name}`)
  }
  const clients: readonly (readonly [list: string, name: string, address: string, matches: boolean])[] = [
    ['127.0.0.0/8 [::1]/128', 'unknown', '127.0.0.1', true],
    ['127.0.0.0/8 [::1]/128', 'unknown', '::1', true],
    ['127.0.0.0/8 [::1]/128', 'unknown', '128.0.0.1', false],
    ['!10.1.0.0/16, 10.0.0.0/8', 'unknown', '10.1.2.3', false],
    ['!10.1.0.0/16, 10.0.0.0/8', 'unknown', '10.2.2.3', true],
    ['10.1.2.3', 'unknown', '10.1.2.3', true],
    ['host.example', 'host.example', '10.1.2.3', true],
    ['cidr:{{10.0.0.0/8 x}}', 'unknown', '10.1.2.3', true],
    [file, 'unknown', '192.0.2.7', true],
  ]
  for (const [list, name, address, matches] of clients) {
    const match = createTables().matchAddress(list, { parameter: 'mynetworks' })
    assert.equal((await match({ name, address })) !== undefined, matches, `${list} ${address}`)
  }
})

test('a bad network or an absent file in a list defers, it does not mean "no"', async () => {
  for (const list of ['192.0.2.1/24', '/nonexistent', 'hash:/nonexistent']) {
    const match = createTables().matchAddress(list, { parameter: 'mynetworks' })
    await assert.rejects(match({ name: 'unknown', address: '192.0.2.9' }), TableError)
  }
})

test('a new index is taken up without a restart; an edited text waits for it and is told of once', (t) => {
  const { write } = tableDirectory(t)
  const events = tableEvents(t)
  const clock = manualClock()
  const file = write('access', 'a one\n')
  buildTable('hash', file, { aliases: false })
  const table = createTables({ clock }).open(`hash:${file}`)
  assert.equal(table.get('A'), 'one')
  writeFileSync(file, 'a two\n')
  clock.advance(1000)
  assert.equal(table.get('a'), 'one', 'the index decides')
  clock.advance(1000)
  assert.equal(table.get('a'), 'one')
  assert.deepEqual(events, [
    {
      event: 'tables.outdated',
      table: `hash:${file}`,
      text: `database ${file}.postigo is older than source file ${file}`,
    },
  ])
  buildTable('hash', file, { aliases: false })
  assert.equal(table.get('a'), 'one', 'looked at once a second')
  clock.advance(1000)
  assert.equal(table.get('a'), 'two')
})

test('a text that was only touched or copied does not wait', (t) => {
  const { write } = tableDirectory(t)
  const events = tableEvents(t)
  const file = write('access', 'a one\n')
  buildTable('hash', file, { aliases: false })
  utimesSync(file, new Date(), new Date(Date.now() + 3_600_000))
  assert.equal(createTables().open(`hash:${file}`).get('a'), 'one')
  assert.deepEqual(events, [])
})

test('a damaged or cut index is an error of configuration, not "not found"', (t) => {
  const { write, path } = tableDirectory(t)
  const file = write('access', 'a one\nb two\n')
  buildTable('hash', file, { aliases: false })
  const size = statSync(path('access.postigo')).size
  for (const damage of [Buffer.alloc(0), Buffer.alloc(size), Buffer.from('key value\n')]) {
    writeFileSync(path('access.postigo'), damage)
    assert.throws(
      () => createTables().open(`hash:${file}`).get('a'),
      (e) => e instanceof TableError && e.kind === 'configuration',
    )
  }
})

test('postmap -i and -d change the index alone', (t) => {
  const { write } = tableDirectory(t)
  const events = tableEvents(t)
  const file = write('access', 'a one\nb two\n')
  buildTable('hash', file, { aliases: false })
  editIndex('hash', file, (entries) => {
    entries.delete('b')
    entries.set('c', 'three')
  })
  const table = createTables().open(`hash:${file}`)
  assert.deepEqual(
    [...(table.entries?.() ?? [])],
    [
      ['a', 'one'],
      ['c', 'three'],
    ],
  )
  assert.deepEqual(events, [])
})

test('results that name commands or files are not taken from a server that nobody vouches for', async () => {
  const tables = createTables()
  for (const name of [
    'memcache:x',
    'proxy:socketmap:inet:127.0.0.1:1:x',
    'tcp:127.0.0.1:1',
    'unionmap:{inline:{a=b}, tcp:h:1}',
  ])
    await assert.rejects(
      async () => tables.trustedMaps(name).find('a'),
      (e) =>
        e instanceof TableError && e.kind === 'configuration' && /not allowed for security-sensitive data/.test(e.text),
    )
  assert.equal((await tables.trustedMaps('inline:{a=tcp:x}, static:{tcp: y}').find('b'))?.result, 'tcp: y')
})
