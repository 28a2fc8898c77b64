import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../base/mod.ts'
import { type Address, contains, parseAddress, parseNetwork, printAddress } from './addresses.ts'
import { compilePattern, Subject } from './pattern.ts'
import { parsePatterns, patternTable } from './pattern-table.ts'
import { Pcre2 } from './pcre2.ts'
import { PatternError } from './regex-ast.ts'
import { PatternLimit } from './regex-engine.ts'
import { Ranges } from './ranges.ts'
import { cidrTable, parseCidr } from './cidr.ts'
import { TableError } from './errors.ts'
import { tableDirectory } from './fixture.test.ts'

const library = Pcre2.open()
const noLibrary = library === undefined && 'libpcre2-8 is not installed'

const CIDR = `# c
10.0.0.0/8 ten
10.1.0.0/16   sub
192.168.1.1 host
192.168.1.1/24 badbits
!172.16.0.0/12 not172
if 203.0.113.0/24
203.0.113.9 nine
endif
endif
fd00::/64 six
[::1] brack
foo bar
1.2.3.4
1.2.3.0/33 x
if 1.2.3.4/32 x
endif foo
1.2.3.4/32	last
if 9.9.9.9
0.0.0.0/0 any
`

test('cidr: rules and warnings as Postfix has them', (t) => {
  const { write } = tableDirectory(t)
  const file = write('c', CIDR)
  const table = cidrTable(file, file, systemClock)
  const answers: readonly (readonly [string, string | undefined])[] = [
    ['10.1.2.3', 'ten'],
    ['192.168.1.1', 'host'],
    ['192.168.1.2', 'not172'],
    ['172.16.0.1', undefined],
    ['fd00::1', 'six'],
    ['fd00:0:0:1::1', undefined],
    ['0:0:0:0:0:0:0:1', 'brack'],
    ['foo', undefined],
    ['10', undefined],
  ]
  for (const [key, answer] of answers) assert.equal(table.get(key), answer, key)
  assert.deepEqual(
    parseCidr(Buffer.from(CIDR)).warnings.map((w) => `${w.line}: ${w.text}`),
    [
      '5: non-null host address bits in "192.168.1.1/24", perhaps you should use "192.168.1.0/24" instead: skipping this rule',
      '10: ENDIF without IF: skipping this rule',
      '13: bad address pattern: "foo": skipping this rule',
      '14: no lookup result: skipping this rule',
      '15: bad mask length in "1.2.3.0/33": skipping this rule',
      '16: bad mask value in "1.2.3.4/32 x": skipping this rule',
      '17: garbage after ENDIF: skipping this rule',
      '19: IF has no matching ENDIF',
    ],
  )
})

test('conditional cidr blocks', () => {
  const text =
    'if 203.0.113.0/24\n203.0.113.9 nine\n!203.0.113.128/25 lower\nendif\nif !fd00::/8\nfe80::/10 link\nendif\n'
  const file = `{{${text.trim().split('\n').join('}, {')}}}`
  const table = cidrTable(file, '', systemClock)
  assert.equal(table.get('203.0.113.9'), 'nine')
  assert.equal(table.get('203.0.113.10'), 'lower')
  assert.equal(table.get('203.0.113.200'), undefined)
  assert.equal(table.get('192.0.2.1'), undefined)
  assert.equal(table.get('fe80::1'), 'link')
})

const network = fc.tuple(fc.boolean(), fc.nat(255), fc.nat(0xffff), fc.nat(32)).map(([is6, low, high, length]) => {
  const bits = is6 ? 128 : 32
  const value = is6 ? (BigInt(high) << 112n) | BigInt(low) : (BigInt(high) << 16n) | BigInt(low)
  const mask = BigInt(is6 ? 128 - length * 4 : 32 - length)
  return `${printAddress({ bits, value: (value >> mask) << mask })}/${bits - Number(mask)}`
})

test('ranges find the first network of the list that contains an address', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 30 }), network, (texts, other) => {
      const list = texts.map((text, i) => ({ network: parseNetwork(text), result: `${i}` }))
      const whole = list.flatMap((r) => (typeof r.network === 'string' ? [] : [{ ...r, network: r.network }]))
      assert.equal(whole.length, list.length)
      const ranges = new Ranges(whole)
      for (const text of [...texts, other]) {
        const net = parseNetwork(text)
        if (typeof net === 'string') continue
        for (const value of [net.first, net.last, net.last + 1n]) {
          const address: Address = { bits: net.bits, value: value & ((1n << BigInt(net.bits)) - 1n) }
          const expected: string | undefined = whole.find((r) => contains(r.network, address))?.result
          assert.equal(ranges.get(printAddress(address)), expected, printAddress(address))
        }
      }
    }),
  )
})

test('addresses are read and printed', () => {
  for (const text of [
    '0.0.0.0',
    '255.255.255.255',
    '::',
    '::1',
    '1::',
    'fd00::1:0:0:1',
    '1:2:3:4:5:6:7:8',
    '1:0:2::3',
  ]) {
    const address = parseAddress(text)
    assert.ok(address)
    assert.equal(printAddress(address), text)
  }
  assert.equal(parseAddress('::ffff:1.2.3.4')?.value, 0xffff01020304n)
  for (const text of ['1.2.3', '1.2.3.256', '01.2.3.4', '1.2.3.4.', 'x', '', ':', 'fe80::1%eth0', '1.2.3.4/8'])
    assert.equal(parseAddress(text), undefined, text)
})

const PCRE = `# c
/^foo(.*)bar$/ one $1 two \${1} $(1) $$ $9
/^foo/i  caseflag
/^case$/ci x
!/^neg/ N$1
if /^in/
/side(.)/ inner $1
if !/x/
/^in(y)/ deep $1
endif
/^inz/ z
endif
endif
/bad(/ x
/nores/
noslash x
|alt| pipe
/a/q badflag
%pct%m multi
/(?<n>na)med/ $n \${1}
if /x
/(a)(b)?/ $1-$2-end
/last/ last
/$x/ $ x
/x/ \${1
/x/ a$
if foo
if /open/
`

/** Warnings of Postfix 3.7.11 for the text above, without "pcre map FILE, line". */
const PCRE_WARNINGS = [
  '2: out of range replacement index "9": skipping this rule',
  '4: unknown regexp option "c": skipping this rule',
  '5: $number found in negative match replacement text: skipping this rule',
  '13: ignoring ENDIF without matching IF',
  '14: error in regex at offset 4: missing closing parenthesis',
  '15: no replacement text: using empty string',
  '16: ignoring unrecognized request',
  '18: unknown regexp option "q": skipping this rule',
  '20: non-numeric replacement index "n"',
  '20: bad replacement syntax: skipping this rule',
  '21: no closing regexp delimiter "/": ignoring this rule',
  '24: empty macro name: "$ x"',
  '24: bad replacement syntax: skipping this rule',
  '25: truncated macro reference: "${1"',
  '25: bad replacement syntax: skipping this rule',
  '26: empty macro name: "a$"',
  '26: bad replacement syntax: skipping this rule',
  '27: no closing regexp delimiter "f": ignoring this rule',
  '28: IF has no matching ENDIF',
]

for (const [runner, pcre2] of [
  ['libpcre2', library],
  ['our matcher', undefined],
] as const) {
  const skip = runner === 'libpcre2' && noLibrary

  test(`pcre: rules and warnings as Postfix has them, by ${runner}`, { skip }, (t) => {
    const { write } = tableDirectory(t)
    const file = write('p', PCRE)
    const table = patternTable('pcre', file, file, systemClock, () => pcre2)
    const answers: readonly (readonly [string, string | undefined])[] = [
      ['fooXbar', 'caseflag'],
      ['FOOQBAR', 'A--end'],
      ['inside', undefined],
      ['iny', 'deep y'],
      ['inz', 'z'],
      ['alt', 'pipe'],
      ['pct', 'multi'],
      ['ab', 'a-b-end'],
      ['foo\nbar', 'caseflag'],
      ['nores', ''],
    ]
    for (const [key, answer] of answers) assert.equal(table.get(key), answer, key)
    assert.deepEqual(
      parsePatterns('pcre', Buffer.from(PCRE), pcre2).warnings.map((w) => `${w.line}: ${w.text}`),
      PCRE_WARNINGS,
    )
  })

  test(`POSIX expressions as glibc has them, by ${runner}`, { skip }, () => {
    /** Pattern, flags, and for each key whether regexec(3) finds it. */
    const table: readonly (readonly [string, string, Readonly<Record<string, boolean>>])[] = [
      ['a||b', '', { c: true }],
      ['()', '', { '': true }],
      ['a**', '', { b: true }],
      ['(|a)b', '', { a: false, ab: true }],
      ['[[.a.]]', '', { a: true, b: false }],
      ['[[=a=]]', '', { a: true }],
      ['\\<a\\>', '', { a: true, aab: false }],
      ['a{,2}', '', { a: true, b: true }],
      ['[\\w]', '', { '\\': true, x: false }],
      ['a)', '', { 'a)': true, a: false }],
      ['x$y', '', { x$y: false }],
      ['(a)\\1', '', { a: false, aa: true }],
      ['\\n', '', { n: true }],
      ['[]a]', '', { ']': true }],
      ['[^]a]', '', { ']': false, b: true }],
      ['\\(a\\)\\1', 'x', { aa: true, a: false }],
      ['*a', 'x', { '*a': true, a: false }],
      ['^*a', 'x', { '*a': true, a: false }],
      ['\\(*a\\)', 'x', { '*a': true, a: false }],
      ['a^b', 'x', { 'a^b': true }],
      ['a$b', 'x', { a$b: true }],
      ['\\(^a\\)', 'x', { a: true, xa: false }],
      ['a\\{1,2\\}$', 'x', { aa: true, aab: false }],
      ['a{1}', 'x', { 'a{1}': true, a: false }],
      ['a\\?b', 'x', { b: true, a: false }],
      ['a\\|b', 'x', { b: true }],
      ['(a', 'x', { '(a': true, a: false }],
      ['^a$', '', { 'a\n': false, 'b\na': false, A: true }],
      ['^a$', 'm', { 'a\n': true, 'b\na': true }],
      ['x.y', '', { 'x\ny': true }],
      ['x.y', 'm', { 'x\ny': false }],
      ['z[^q]y', 'm', { 'z\ny': false, zzy: true }],
      ['é{2}', 'i', { 'é\xa9': false, x: false }],
    ]
    for (const [pattern, flags, keys] of table) {
      const compiled = compilePattern('regexp', pattern, flags, pcre2, () => {})
      for (const [key, found] of Object.entries(keys))
        assert.equal(compiled.exec(new Subject(key)) !== undefined, found, `${pattern} ${JSON.stringify(key)}`)
    }
  })

  test(`no pattern stalls, by ${runner}`, { skip }, () => {
    const started = performance.now()
    const subject = new Subject(`${'a'.repeat(60)}b`)
    for (const pattern of ['^(a+)+$', '^(a|a)*$', '(a*)*c', '^(([a-z])+.)+[A-Z]([a-z])+$']) {
      const compiled = compilePattern('pcre', pattern, '', pcre2, () => {})
      try {
        compiled.exec(subject)
      } catch (error) {
        assert.ok(error instanceof PatternLimit)
      }
    }
    assert.ok(performance.now() - started < 5000)
  })
}

test('faulty POSIX expressions are refused in the words of glibc', () => {
  const table: readonly (readonly [string, string, string])[] = [
    ['*a', '', 'Invalid preceding regular expression'],
    ['^*a', '', 'Invalid preceding regular expression'],
    ['(*a)', '', 'Invalid preceding regular expression'],
    ['a|*b', '', 'Invalid preceding regular expression'],
    ['{1}', '', 'Invalid preceding regular expression'],
    ['(a)(?:b)', '', 'Invalid preceding regular expression'],
    ['a{', '', 'Unmatched \\{'],
    ['a{1', '', 'Unmatched \\{'],
    ['a{x}', '', 'Invalid content of \\{\\}'],
    ['a{2,1}', '', 'Invalid content of \\{\\}'],
    ['a{300000}', '', 'Regular expression too big'],
    ['[a', '', 'Unmatched [, [^, [:, [., or [='],
    ['[[:alpha:]', '', 'Unmatched [, [^, [:, [., or [='],
    ['[b-a]', '', 'Invalid range end'],
    ['[a-[:digit:]]', '', 'Invalid range end'],
    ['[[:foo:]]', '', 'Invalid character class name'],
    ['[[.space.]]', '', 'Invalid collation character'],
    ['\\2', '', 'Invalid back reference'],
    ['(a', '', 'Unmatched ( or \\('],
    ['\\(a', 'x', 'Unmatched ( or \\('],
    ['a\\)', 'x', 'Unmatched ( or \\('],
    ['a**', 'x', 'Invalid preceding regular expression'],
    ['\\{1\\}', 'x', 'Invalid preceding regular expression'],
  ]
  for (const [pattern, flags, message] of table)
    assert.throws(
      () => compilePattern('regexp', pattern, flags, undefined, () => {}),
      (e) => e instanceof PatternError && e.message === message,
      pattern,
    )
})

/** Patterns that both must match alike; the keys are made of the same few letters. */
const PATTERNS = [
  '^foo(.*)bar$',
  '(a|ab)(c|bcd)(d*)',
  '^([^@]+)@(.*)$',
  '(a+)+$',
  '\\bfoo\\b',
  'a++b',
  '(?>a+)b',
  '^(?!x)(.)',
  '(?<=a)b',
  '(?<!a)b',
  '\\d{1,3}\\.\\d+',
  '(a)?(b)?c',
  '(?:a|b)*c',
  'a*?b',
  '(x*)*y',
  '[^\\d]b',
  '[]a]',
  '(a)\\1',
  '^$',
  '(ab){2}',
  '(a*)(b|ab)',
  '((a)|(b))*',
  'a\\Z',
  '[[:alpha:]_-]+x',
]

test('our matcher finds what libpcre2 finds', { skip: noLibrary }, () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'x', 'y', '@', '.', '1', '\n', 'foo', 'bar') })
  fc.assert(
    fc.property(fc.constantFrom(...PATTERNS), fc.constantFrom('', 'm', 's', 'i'), key, (pattern, flags, text) => {
      const [theirs, ours] = [library, undefined].map((runner) => {
        const found = compilePattern('pcre', pattern, flags, runner, () => {}).exec(new Subject(text))
        return found?.map((part) => part ?? null)
      })
      // Captures that took no part at the end are left out by the library.
      const trimmed = (list: (string | null)[] | undefined): unknown =>
        list?.slice(0, list.findLastIndex((p) => p !== null) + 1)
      assert.deepEqual(trimmed(ours), trimmed(theirs), `${pattern} ${flags}`)
    }),
    { numRuns: 1000 },
  )
})

test('without libpcre2 a pattern that only it can run fails its table, with file and line', (t) => {
  const { write } = tableDirectory(t)
  const file = write('p', '/fine/ x\n/(?R)/ y\n')
  const table = patternTable('pcre', file, file, systemClock, () => undefined)
  assert.throws(
    () => table.get('fine'),
    (e) =>
      e instanceof TableError &&
      e.kind === 'configuration' &&
      e.text.startsWith(`pcre map ${file}, line 2: at offset `),
  )
})
