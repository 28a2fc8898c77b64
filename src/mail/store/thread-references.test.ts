import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Thread } from './contract.ts'
import { inColumns, type Letter, textKey } from './letters.ts'
import { threadByReferences as byReferences, threadByRefs as byRefs, type Threading } from './thread-references.ts'
import { threadBySubject as bySubject } from './threads.ts'

const key = (text: string): number => (text === '' ? 0 : textKey(text))

function finished(threading: Threading): readonly Thread[] {
  let step = threading.next()
  while (step.done !== true) step = threading.next()
  return step.value
}
const threadByReferences = (all: readonly Letter[]): readonly Thread[] => finished(byReferences(inColumns(all)))
const threadByRefs = (all: readonly Letter[]): readonly Thread[] => finished(byRefs(inColumns(all)))
const threadBySubject = (all: readonly Letter[]): readonly Thread[] => finished(bySubject(inColumns(all)))

/** `id < reference reference : subject`, one after the other; a subject that begins with Re: is a reply. */
function letters(text: string): Letter[] {
  return text
    .trim()
    .split('\n')
    .map((line, i) => {
      const [, id = '', references = '', subject = ''] = /^\s*(\S+)\s*(?:<([^:]*))?(?::\s*(.*))?$/.exec(line) ?? []
      return {
        seq: i + 1,
        sentMs: i,
        subject: key(subject.replace('Re: ', '')),
        reply: subject.startsWith('Re: '),
        id: id === '-' ? 0 : key(id),
        references: references
          .split(' ')
          .filter((one) => one !== '')
          .map(key),
      }
    })
}

const print = (threads: readonly Thread[]): string =>
  threads.map(({ seq, children }) => `(${seq === 0 ? '' : seq}${print(children)})`).join('')

const CASES: readonly (readonly [string, string, string])[] = [
  ['answers hang from what they answer', 'a\nb < a\nc < a b\nd < a', '(1(2(3))(4))'],
  ['an ancestor that is not there is passed over', 'a < x\nb < x a', '(1(2))'],
  ['siblings whose parent is not there stay together', 'a < x\nb < x', '((1)(2))'],
  ['a dummy below another goes', 'a < x y\nb < x y\nc < x', '((1)(2)(3))'],
  ['the last reference is the parent, whatever was there before', 'a < x b\nb\nc < x b\nb2 < a b', '(2(1)(3)(4))'],
  ['references that go round make no loop', 'a < b\nb < a', '(2(1))'],
  ["itself is nobody's parent", 'a < a', '(1)'],
  ['a second message with an ID has one of its own', 'a\na\nb < a', '(1(3))(2)'],
  ['without an ID', '-\n- < x\nb < x', '(1)((2)(3))'],
  ['a reply by subject hangs from the original, even an older one', 'a : Re: s\nb : s\nc : Re: s', '(2(1)(3))'],
  ['two originals of one subject are siblings', 'a : s\nb : s\nc : s', '((1)(2)(3))'],
  ['two replies too', 'a : Re: s\nb : Re: s', '((1)(2))'],
  ['a dummy of the same subject takes them in', 'a < x : s\nb < x : s\nc : Re: s\nd : s', '((1)(2)(3)(4))'],
  ['two dummies become one', 'a < x : s\nb < x : s\nc < y : s\nd < y : s', '((1)(2)(3)(4))'],
  ['no subject is not the same subject', 'a\nb', '(1)(2)'],
]

test('threads by references', () => {
  for (const [name, mailbox, threads] of CASES) assert.equal(print(threadByReferences(letters(mailbox))), threads, name)
})

test('siblings go by date, threads by their first message', () => {
  const [a, b, c, d] = letters('a\nb < a\nc < a\nd') as [Letter, Letter, Letter, Letter]
  const threads = threadByReferences([{ ...a, sentMs: 9 }, { ...b, sentMs: 5 }, { ...c, sentMs: 4 }, d])
  assert.equal(print(threads), '(4)(1(3)(2))')
})

test('REFS: subjects do not matter, and the thread with the newest message comes last', () => {
  // The answers are Dovecot's for the same mailbox.
  const hours = [1, 5, 2, 3, 4, 6, 7, 1]
  const mailbox = letters(
    'a : x\nb < a : Re: x\nc : y\nd : Re: x\ne < zz : q\nf < zz : q2\ng < c : Re: y\nh < a b : Re: x',
  ).map((letter, i) => ({ ...letter, sentMs: hours[i] ?? 0 }))
  assert.equal(print(threadByRefs(mailbox)), '(4)(1(2(8)))((5)(6))(3(7))')
  assert.equal(print(threadByRefs(mailbox.filter(({ seq }) => seq !== 7))), '(3)(4)(1(2(8)))((5)(6))')
})

test('threads by subject have no grandchildren', () => {
  const threads = threadBySubject(letters('a : s\nb : t\nc : Re: s\nd : Re: s'))
  assert.equal(print(threads), '(1(3)(4))(2)')
})

test('every message is in one thread, once, whatever it refers to', () => {
  const letter = fc.record({
    sentMs: fc.nat(5),
    subject: fc.constantFrom('', 's', 't').map(key),
    reply: fc.boolean(),
    id: fc.constantFrom('', ...'abcdef'.split('')).map(key),
    references: fc.array(fc.constantFrom(...'abcdefxyz'.split('')).map(key), { maxLength: 4 }),
  })
  fc.assert(
    fc.property(fc.array(letter, { maxLength: 12 }), (some) => {
      const all = some.map((one, i) => ({ ...one, seq: i + 1 }))
      const seen: number[] = []
      const walk = (threads: readonly Thread[], top: boolean): void => {
        for (const { seq, children } of threads) {
          if (seq > 0) seen.push(seq)
          else assert.ok(top && children.length > 1, 'dummies are at the top and have several children')
          walk(children, false)
        }
      }
      walk(threadByReferences(all), true)
      assert.deepEqual(
        seen.toSorted((a, b) => a - b),
        all.map(({ seq }) => seq),
      )
    }),
    { numRuns: 2000 },
  )
})

test('a thread of fifty thousand, one below the other, in any order of arrival', () => {
  const n = 50_000
  const chain = Array.from({ length: n }, (_, i) => ({
    seq: i + 1,
    sentMs: i,
    subject: 0,
    reply: false,
    id: key(`m${i}`),
    references: i === 0 ? [] : [key(`m${i - 1}`)],
  }))
  const started = performance.now()
  for (const all of [
    chain,
    chain.map((letter, i) => ({ ...letter, id: key(`m${n - i}`), references: [key(`m${n - i - 1}`)] })),
  ]) {
    const threads = threadByReferences(all)
    let depth = 0
    for (let at = threads[0]; at !== undefined; at = at.children[0]) depth++
    assert.equal(depth, n)
  }
  assert.ok(performance.now() - started < 5000)
})
