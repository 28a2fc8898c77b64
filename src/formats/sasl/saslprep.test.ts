import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saslprep } from './saslprep.ts'

const cases: readonly (readonly [title: string, input: string, prepared: string | undefined])[] = [
  ['RFC 4013 §3, 1: a soft hyphen is mapped to nothing', 'I\u00adX', 'IX'],
  ['RFC 4013 §3, 2: nothing changes', 'user', 'user'],
  ['RFC 4013 §3, 3: case is kept', 'USER', 'USER'],
  ['RFC 4013 §3, 4: NFKC', '\u00aa', 'a'],
  ['RFC 4013 §3, 5: NFKC, more', '\u2168', 'IX'],
  ['RFC 4013 §3, 6: a control character', '\u0007', undefined],
  ['RFC 4013 §3, 7: directions mixed', '\u0627\u0031', undefined],
  ['text to the left alone', '\u0627\u0628', '\u0627\u0628'],
  ['digits between Arabic letters', '\u06271\u0628', '\u06271\u0628'],
  ['one Arabic letter', '\u0627', '\u0627'],
  ['Latin inside Arabic', '\u0627a\u0628', undefined],
  ['no-break space becomes a blank', 'a\u00a0b', 'a b'],
  ['zero width space becomes a blank', 'a\u200bb', 'a b'],
  ['zero width joiner goes', 'a\u200db', 'ab'],
  ['composed', 'n\u0303', 'ñ'],
  ['nothing remains', '\u00ad', undefined],
  ['nothing given', '', undefined],
  ['delete', 'a\u007f', undefined],
  ['private use', '\ue000', undefined],
  ['private use beyond the BMP', '\u{f0000}', undefined],
  ['not a character', '\ufffe', undefined],
  ['half a surrogate pair', '\ud800', undefined],
  ['replacement character', '\ufffd', undefined],
  ['ideographic description', '\u2ff0', undefined],
  ['change of direction', '\u202e', undefined],
  ['tag character', '\u{e0041}', undefined],
  ['what Unicode 3.2 did not know yet', '\u{1f511}', '\u{1f511}'],
]

for (const [title, input, prepared] of cases)
  test(`saslprep(): ${title}`, () => assert.equal(saslprep(input), prepared))

test('saslprep() lets printable ASCII pass and no other octet below 128', () => {
  for (let code = 0; code < 128; code++) {
    const character = String.fromCharCode(code)
    assert.equal(saslprep(character), code >= 0x20 && code < 0x7f ? character : undefined, `code ${code}`)
  }
})
