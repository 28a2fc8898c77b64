import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expandText, ExpandError, namesIn } from './expand.ts'
import { compareLevels } from './relational.ts'

const values: Readonly<Record<string, string>> = { foo: 'bar', empty: '', two: '$foo$foo', a: '$b', b: '$a' }
const expand = (text: string): string => expandText(text, { lookup: (n) => values[n], recurse: true })

// What `postconf -hx smtpd_banner` of Postfix 3.7.11 prints for the same text.
const table: readonly (readonly [string, string])[] = [
  ['plain', 'plain'],
  ['$foo.bar', 'bar.bar'],
  ['${ foo }', 'bar'],
  ['$(foo?{a})', 'a'],
  ['$two', 'barbar'],
  ['$$foo', '$foo'],
  ['${foo?x:y}', 'x:y'],
  ['x${foo?{ a b }}y', 'x a b y'],
  ['${foo? {a} : {c} }', 'a'],
  ['${foo ?{a}:{c}}', 'a'],
  ['x${nope: {q} }y', 'xqy'],
  ['x${nope?{a}: b }y', 'x b y'],
  ['x${empty?y}', 'x'],
  ['${nope}', ''],
  ['${nope:$foo}', 'bar'],
  ['${{a}=={a}}', 'true'],
  ['${{b} < {a}}.', '.'],
  ['${{2}<{10}?{lt}:{ge}}', 'lt'],
  ['${{2a}<{10}?{lt}:{ge}}', 'ge'],
  ['${{01}=={1}?{eq}:{ne}}', 'eq'],
  ['${{3.6}<level{3.10}?{lt}:{ge}}', 'lt'],
  ['${{3.6}<level{2}?{lt}:{ge}}', 'ge'],
  ['${{1} <=level {3.6.0}?{y}:{n}}', 'y'],
  ['${{$foo}=={bar}?{a}:{b}}x', 'ax'],
  ['x${{a b} == {a b} ? {  c }: {d}}y', 'x  c y'],
  ['${{ bar }=={bar}?{a}:{b}}', 'b'],
  ['${foo?{${nope:{${foo}}}}}', 'bar'],
]

test('expansion gives what postconf -x prints', () => {
  for (const [text, expected] of table) assert.equal(expand(text), expected, text)
})

test('a faulty expression is refused in the words of Postfix', () => {
  const faults: readonly (readonly [string, string])[] = [
    ['${foo', 'truncated macro reference: "${foo"'],
    ['$', 'empty macro name: "$"'],
    ['${}', 'empty macro name: "${}"'],
    ['${foo?{a}', 'truncated macro reference: "${foo?{a}"'],
    ['${foo?{a}x}', '":" expected at: "...a}>>>x"'],
    ['${a-b}', 'attribute name syntax error at: "...a>>>-b"'],
    ['${{x}<level{2}?{lt}:{ge}}', 'malformed compatibility level syntax: "x"'],
    ['${{a}<b?{y}:{n}}', 'bad operator suffix at: "...<>>>b"'],
    ['$a', 'unreasonable macro call nesting: "b"'],
  ]
  for (const [text, message] of faults)
    assert.throws(
      () => expand(text),
      (e) => e instanceof ExpandError && e.message === message,
      text,
    )
})

test('without recursion a looked-up value is taken as it is', () => {
  assert.equal(expandText('[$two]', { lookup: (n) => values[n], recurse: false }), '[$foo$foo]')
})

test('levels of compatibility are compared number by number', () => {
  assert.ok(compareLevels('3.6', '3.10') < 0)
  assert.ok(compareLevels('2', '3.6') < 0)
  assert.equal(compareLevels('3.6', '3.6.0'), 0)
})

test('namesIn finds every name a text speaks of', () => {
  assert.deepEqual(namesIn('$a ${b?{$c}} $$d ${{$e} == {x} ? {f} : {$(g)}}'), ['a', 'b', 'c', 'e', 'g'])
})
