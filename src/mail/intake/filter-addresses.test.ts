import assert from 'node:assert/strict'
import { test } from 'node:test'
import { addressIn, recipientParameters, senderParameters } from './filter-addresses.ts'

test('addresses come with brackets or without, one at a time', () => {
  for (const [text, address, more] of [
    ['<a@b.test>', 'a@b.test', false],
    ['a@b.test', 'a@b.test', false],
    ['<"a b"@c.test>', 'a b@c.test', false],
    ['<user>', 'user', false],
    ['<>', undefined, false],
    ['', undefined, false],
    ['a@b.test, c@d.test', 'a@b.test', true],
  ] as const)
    assert.deepEqual(addressIn(text), { address, more }, text)
})

test('an address with a control character is none', () => {
  for (const text of [
    '<"a\\\nb"@c.test>',
    '<"a\r\n X: y"@c.test>',
    '<a\rb@c.test>',
    '<"a\0b"@c.test>',
    '<"a\x85b"@c.test>',
  ])
    assert.deepEqual(addressIn(text), { address: undefined, more: false, unfit: true }, text)
  assert.deepEqual(addressIn('<a@b.test>\r\n'), { address: 'a@b.test', more: false })
})

test('of ESMTP parameters, those are taken that are right', () => {
  assert.deepEqual(senderParameters('RET=HDRS ENVID=a+2Bb SIZE=1 RET=SOME'), {
    dsn: { ret: 'HDRS', envid: 'a+b' },
    bad: ['SIZE=1', 'RET=SOME'],
  })
  assert.deepEqual(recipientParameters('NOTIFY=NEVER ORCPT=rfc822;a@b.test X=1 NOTIFY=MAYBE'), {
    dsn: { notify: ['NEVER'], orcpt: 'rfc822;a@b.test' },
    problems: [
      'ignoring ESMTP argument from Milter or header/body_checks: "X=1"',
      'Bad NOTIFY parameter from Milter or header/body_checks: "NOTIFY=MAYBE"',
    ],
  })
})
