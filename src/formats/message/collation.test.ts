import assert from 'node:assert/strict'
import { test } from 'node:test'
import { casemap, COLLATIONS, compareForms, foldForSearch } from './mod.ts'

test('casemap() makes letters that differ in case one, and keeps marks', () => {
  assert.equal(casemap('straße É ſ'), casemap('STRAßE é S'))
  assert.notEqual(casemap('e'), casemap('é'))
})

test('casemap() takes the titlecase of UnicodeData.txt, and decomposes what that decomposes', () => {
  const forms = {
    // RFC 5051 §2: the ligature in its three cases is one.
    ǆǅǄ: 'Dz\u030cDz\u030cDz\u030c',
    ǉǈǇǌǋǊǳǲǱ: 'LjLjLjNjNjNjDzDzDz',
    ᾳᾼ: 'Α\u0345Α\u0345',
    ᾀᾈ: 'Α\u0313\u0345Α\u0313\u0345',
    აბ: 'აბ',
    ﬁ: 'fi', // it has no titlecase of its own, and is decomposed after letters were mapped
    Ｆｕｌｌ: 'FULL',
    각: '각',
    ß: 'ß',
    '²': '2',
  }
  for (const [text, form] of Object.entries(forms)) assert.equal(casemap(text), form, text)
  assert.ok(!casemap('각').includes(casemap('가')))
})

test('what any collation takes as one, the fold of the index takes as one: for every character', () => {
  const differing: string[] = []
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    const letter = String.fromCodePoint(code)
    const folded = foldForSearch(letter)
    for (const { name, form } of COLLATIONS)
      if (foldForSearch(form(letter)) !== folded) differing.push(`${name} U+${code.toString(16)}`)
  }
  assert.deepEqual(differing, [])
})

test('each character is folded by itself, whatever stands beside it', () => {
  for (const text of ['ΟΔΟΣ ΟΔΟΣΑ', 'İstanbul Iıi', 'ǰ\u0301x', '각하 가각', 'ﬃne', 'e\u0323\u0301'])
    assert.equal(foldForSearch(text), Array.from(text, foldForSearch).join(''), text)
  assert.ok(foldForSearch('ΟΔΟΣΑ').includes(foldForSearch('ΟΔΟΣ')))
})

test('compareForms() has the order of the octets of UTF-8', () => {
  const texts = ['', 'a', 'aa', 'b', 'é', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '\u{10ffff}', '\u{10000}a']
  for (const a of texts)
    for (const b of texts)
      assert.equal(Math.sign(compareForms(a, b)), Buffer.compare(Buffer.from(a), Buffer.from(b)), `${a} ${b}`)
})
