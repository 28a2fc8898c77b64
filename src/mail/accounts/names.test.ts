import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AccountError } from './errors.ts'
import { checkDomain, checkLocalPart, foldDomain, foldLocalPart, printable, splitAddress } from './names.ts'

test('foldLocalPart() gives one form', () => {
  assert.equal(foldLocalPart('Usuario'), 'usuario')
  assert.equal(foldLocalPart('BEGON\u0303A'), 'begoña')
})

const domains: readonly (readonly [string, string])[] = [
  ['Mail.Example', 'mail.example'],
  ['mail.example.', 'mail.example'],
  ['Müller.Example', 'xn--mller-kva.example'],
  ['xn--mller-kva.example', 'xn--mller-kva.example'],
  ['1.2', '1.2'],
  ['', ''],
]
for (const [written, folded] of domains)
  test(`foldDomain(${JSON.stringify(written)})`, () => assert.equal(foldDomain(written), folded))

test('splitAddress() cuts at the last @', () => {
  assert.deepEqual(splitAddress('a@b@c'), { localPart: 'a@b', domain: 'c' })
  assert.deepEqual(splitAddress('a'), { localPart: 'a', domain: undefined })
})

for (const good of ['a', 'a.b', 'a+b', 'begoña', '用户', "o'hara", 'x'.repeat(64)])
  test(`${good.slice(0, 10)} can be a local part`, () => assert.equal(checkLocalPart(good), good))
for (const bad of [
  '',
  '.',
  '.a',
  'a.',
  'a..b',
  'a b',
  'a\nb',
  'a@b',
  '"a"',
  'a\u00a0b',
  'a\u2028b',
  '<a>',
  'x'.repeat(65),
  'ñ'.repeat(33),
])
  test(`${JSON.stringify(bad.slice(0, 10))} cannot be a local part`, () =>
    assert.throws(() => checkLocalPart(bad), AccountError))

for (const bad of ['', '-a.b', 'a-.b', 'a..b', 'a b', '[1.2.3.4]', 'x'.repeat(64), `${'x.'.repeat(130)}y`, 'a/b'])
  test(`${JSON.stringify(bad.slice(0, 10))} is no domain`, () => assert.throws(() => checkDomain(bad), AccountError))

test('printable() leaves nothing that moves a cursor', () => {
  assert.equal(printable('a\u001b[2J\u202eb'), 'a?[2J?b')
})
