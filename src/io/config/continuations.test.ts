import assert from 'node:assert/strict'
import { test } from 'node:test'
import { indentContinuations, lostContinuations } from './continuations.ts'

test('lines without = behind a setting belong to it; so do those whose = stands behind a blank', () => {
  const text = 'a = b,\nc,\n# a comment\n\nreject_rbl_client x.example=127.0.0.2\n  d\ne=f\nlast\n'
  assert.deepEqual(
    lostContinuations(text).map(({ line, settingLine }) => [line, settingLine]),
    [
      [2, 1],
      [5, 1],
      [8, 7],
    ],
  )
  assert.equal(
    indentContinuations(text),
    'a = b,\n    c,\n# a comment\n\n    reject_rbl_client x.example=127.0.0.2\n  d\ne=f\n    last\n',
  )
})

test('what stands before any setting continues nothing', () => {
  for (const text of ['', 'word\na = b\n', '  a\n', '# x\n']) assert.deepEqual(lostContinuations(text), [])
})
