/** Names of senders in From fields that are made here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromValue } from './full-name.ts'

test('full_name_encoding_charset: a name outside ASCII is encoded, in words that are not too long', () => {
  const table: readonly (readonly [name: string, charset: string, phrase: string, comment: string])[] = [
    ['Ana Lopez', 'utf-8', 'Ana Lopez <a@b>', 'a@b (Ana Lopez)'],
    ['Ñandú (x)', 'utf-8', '=?utf-8?Q?=C3=91and=C3=BA_=28x=29?= <a@b>', 'a@b (=?utf-8?Q?=C3=91and=C3=BA_=28x=29?=)'],
    ['José A. Ñ', 'utf-8', '=?utf-8?Q?Jos=C3=A9_A=2E_=C3=91?= <a@b>', 'a@b (=?utf-8?Q?Jos=C3=A9_A._=C3=91?=)'],
    ['José', 'iso-8859-1', '=?iso-8859-1?Q?Jos=E9?= <a@b>', 'a@b (=?iso-8859-1?Q?Jos=E9?=)'],
    ['山田', 'iso-8859-1', '=?utf-8?Q?=E5=B1=B1=E7=94=B0?= <a@b>', 'a@b (=?utf-8?Q?=E5=B1=B1=E7=94=B0?=)'],
    ['José', '', 'José <a@b>', 'a@b (José)'],
    ['José (x)', '', '"José (x)" <a@b>', 'a@b (José \\(x\\))'],
    [
      '山田太郎山田太郎',
      'utf-8',
      '=?utf-8?B?5bGx55Sw5aSq6YOO5bGx55Sw5aSq6YOO?= <a@b>',
      'a@b (=?utf-8?B?5bGx55Sw5aSq6YOO5bGx55Sw5aSq6YOO?=)',
    ],
    [
      'A name that is long, longer than one encoded word may be: José',
      'utf-8',
      '=?utf-8?Q?A_name_that_is_long=2C_longer_than_one_encoded_word_may_be=3A_J?=\r\n =?utf-8?Q?os=C3=A9?= <a@b>',
      'a@b (=?utf-8?Q?A_name_that_is_long,_longer_than_one_encoded_word_may_be:_Jos?=\r\n =?utf-8?Q?=C3=A9?=)',
    ],
  ]
  for (const [fullName, charset, phrase, comment] of table) {
    assert.equal(fromValue({ address: 'a@b', fullName, format: 'standard', charset }), phrase)
    assert.equal(fromValue({ address: 'a@b', fullName, format: 'obsolete', charset }), comment)
  }
})
