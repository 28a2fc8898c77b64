import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { fitsSts, parseStsPolicy, stsRecordId } from './policy.ts'

test('the TXT record: one alone, with an id', () => {
  const table: readonly (readonly [readonly string[], string | undefined])[] = [
    [['v=STSv1; id=20160831085700Z;'], '20160831085700Z'],
    [['v=STSv1;id=a'], 'a'],
    [['v=STSv1; x=y; id=b; z'], 'b'],
    [['something else', 'v=STSv1; id=c'], 'c'],
    [['v=STSv1; id=c', 'v=STSv1; id=d'], undefined],
    [['v=STSv1'], undefined],
    [['v=STSv1; id='], undefined],
    [['v=STSv1; id=with-dash'], undefined],
    [['v=STSv10; id=a'], undefined],
    [[], undefined],
  ]
  for (const [records, id] of table) assert.equal(stsRecordId(records), id, records.join('|'))
})

const whole = (more: string): string => `version: STSv1\r\n${more}\r\n`

test('the policy: RFC 8461 §3.2', () => {
  const table: readonly (readonly [string, unknown])[] = [
    [
      whole('mode: enforce\r\nmx: Mail.a.test\r\nmx: *.b.test\r\nmax_age: 60'),
      ['enforce', 'mail.a.test', '*.b.test', 60_000],
    ],
    ['version: STSv1\nmode:testing\nmx:a.test\nmax_age:1\nnew_key: x\n', ['testing', 'a.test', 1000]],
    [whole('mode: none\r\nmax_age: 86400'), ['none', 86_400_000]],
    [whole('mode: enforce\r\nmode: none\r\nmx: a.test\r\nmax_age: 9999999999'), ['enforce', 'a.test', 31_557_600_000]],
    [whole('mode: enforce\r\nmax_age: 60'), undefined],
    [whole('mode: enforce\r\nmx: a.test\r\nmax_age: soon'), undefined],
    [whole('mode: enforce\r\nmx: a.*.test\r\nmax_age: 60'), undefined],
    [whole('mode: other\r\nmx: a.test\r\nmax_age: 60'), undefined],
    ['mode: enforce\r\nmx: a.test\r\nmax_age: 60\r\n', undefined],
    ['<html>', undefined],
  ]
  for (const [text, expected] of table) {
    const policy = parseStsPolicy(text)
    assert.deepEqual(policy && [policy.mode, ...policy.patterns, policy.maxAgeMs], expected, text)
  }
})

test('any text is a policy or none', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseStsPolicy(text)))
})

test('a star stands for one label', () => {
  const patterns = ['mail.a.test', '*.b.test']
  for (const name of ['mail.a.test', 'MAIL.A.TEST.', 'x.b.test']) assert.equal(fitsSts(name, patterns), true, name)
  for (const name of ['a.test', 'x.mail.a.test', 'b.test', 'x.y.b.test', '.b.test.evil.test', ''])
    assert.equal(fitsSts(name, patterns), false, name)
})
