import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { listMatcher } from './list-pattern.ts'

test('`*` is anything, `%` anything within a level; INBOX in any letter case', () => {
  const matching: readonly (readonly [string, string])[] = [
    ['*', 'a/b/c'],
    ['*', ''],
    ['%', 'abc'],
    ['a%', 'a'],
    ['a/%', 'a/b'],
    ['%/%', 'a/b'],
    ['%a%b%', 'xaxab'],
    ['*%', 'a/b'],
    ['%*', 'a/b'],
    ['a*/%c', 'ab/c/bc'],
    ['iNbOx', 'INBOX'],
    ['in%', 'INBOX'],
    ['a.c', 'a.c'],
    ['%/[(\\', 'x/[(\\'],
  ]
  const others: readonly (readonly [string, string])[] = [
    ['%', 'a/b'],
    ['a/%', 'a/b/c'],
    ['a/%', 'a'],
    ['', 'a'],
    ['abc', 'ABC'],
    ['inbox/a', 'INBOX/a'],
    ['a.c', 'abc'],
    ['%b', 'a/b'],
    ['a', 'ab'],
  ]
  for (const [pattern, name] of matching) assert.equal(listMatcher(pattern)(name), true, `${pattern} ${name}`)
  for (const [pattern, name] of others) assert.equal(listMatcher(pattern)(name), false, `${pattern} ${name}`)
})

test('it matches what the regular expression would', () => {
  const letters = (some: string): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...some.split('')), maxLength: 8 })
  fc.assert(
    fc.property(letters('ab/*%'), letters('ab/'), (pattern, name) => {
      const expression = pattern.replaceAll('*', '.*').replaceAll('%', '[^/]*')
      assert.equal(listMatcher(pattern)(name), new RegExp(`^${expression}$`).test(name))
    }),
    { numRuns: 2000 },
  )
})

test('the time is in the lengths of pattern and name, however many wildcards there are', { timeout: 5000 }, () => {
  assert.equal(listMatcher(`${'*a'.repeat(100)}*b`)('a'.repeat(1000)), false)
  assert.equal(listMatcher(`${'*%a'.repeat(100)}%b`)('a'.repeat(1000)), false)
  assert.equal(listMatcher(`${'%a'.repeat(100)}%`)('a'.repeat(1000)), true)
})
