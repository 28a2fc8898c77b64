import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { baseSubject } from './mod.ts'

const CASES: readonly (readonly [string, string, boolean])[] = [
  ['', '', false],
  ['Budget', 'Budget', false],
  ['Re: Budget', 'Budget', true],
  ['RE : [x] re:\tFWD: fw:  Budget  for\r\n March', 'Budget for March', true],
  ['Re[2]: Budget', 'Budget', true],
  ['Re [ok] : Budget', 'Budget', true],
  ['[list] Budget', 'Budget', false],
  ['[list] [more] Re: [list] Budget', 'Budget', true],
  ['[list]', '[list]', false],
  ['[a][b] ', '[b]', false],
  ['Re: [list]', '[list]', true],
  ['Budget (fwd) (FWD)  ', 'Budget', true],
  ['[fwd: Re: Budget (fwd)]', 'Budget', true],
  ['[a] [Fwd: [fwd: x]]', 'x', true],
  ['[fwd: x] y', 'y', false],
  ['Reply: x', 'Reply: x', false],
  ['[a[b] Re: x', '[a[b] Re: x', false],
  ['re:', '', true],
  ['(fwd)', '', true],
]

test('the base subject, by the steps of RFC 5256', () => {
  for (const [subject, text, reply] of CASES) assert.deepEqual(baseSubject(subject), { text, reply }, subject)
})

test('the base subject of a base subject is itself, and long ones take no time', () => {
  const word = fc.constantFrom('Re', ':', '[', ']', ' ', '(fwd)', '[fwd:', 'x', '[l]')
  fc.assert(
    fc.property(fc.array(word, { maxLength: 20 }), (words) => {
      const { text } = baseSubject(words.join(''))
      assert.deepEqual(baseSubject(text), { text, reply: false })
    }),
    { numRuns: 2000 },
  )
  const started = performance.now()
  for (const part of ['[]', 'Re:', '[fwd:', '(fwd)', '[', 're[', 're [] ', ' '])
    baseSubject(part.repeat(100_000) + ']'.repeat(part === '[fwd:' ? 100_000 : 0))
  assert.ok(performance.now() - started < 2000)
})
